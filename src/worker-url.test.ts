import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { workerUrl } from "./worker-url.ts";

test("workerUrl() says what to do when there is nothing compiled", () => {
  const module = new URL("./data/prefetch.ts", import.meta.url).href;
  expect(() => workerUrl("./no-such-worker.ts", module)).toThrow(
    /dist\/data\/no-such-worker\.js does not exist\. Run npm run build/,
  );
});

test("workerUrl() looks beside a compiled module", () => {
  const module = pathToFileURL("/somewhere/dist/data/prefetch.js").href;
  expect(() => workerUrl("./worker.ts", module)).toThrow(/\/somewhere\/dist\/data\/worker\.js does not exist/);
});
