// The runtime's contract in a real browser: onnxruntime-web as WebAssembly, with one thread and several, and on WebGPU.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runtimeSuite } from "../contract/runtime-suite.ts";
import { chromiumPath, noChromium, startChromium } from "./chromium.ts";
import { ask } from "./lab.ts";
import { type Site, startSite } from "./site.ts";

const kinds = [
  {
    kind: "WebAssembly, one thread",
    path: "plain",
    options: { prefer: "wasm", threads: 2 },
    provider: "wasm",
    threads: 1,
  },
  {
    kind: "WebAssembly, threads",
    path: "isolated",
    options: { prefer: "wasm", threads: 2 },
    provider: "wasm",
    threads: 2,
  },
  { kind: "WebGPU", path: "isolated", options: { softwareGpu: true, threads: 2 }, provider: "webgpu", threads: 2 },
] as const;

describe.skipIf(!chromiumPath())(`in Chromium${chromiumPath() ? "" : `: ${noChromium}`}`, () => {
  let site: Site;
  let browser: Browser;

  beforeAll(async () => {
    [site, browser] = await Promise.all([startSite("test/e2e/pages/lab.ts"), startChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
  });

  describe.each(kinds)("$kind", ({ path, options, provider, threads }) => {
    let page: Page;
    const complaints: string[] = [];

    beforeAll(async () => {
      page = await browser.newPage();
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`${site.url}${path}/index.html`);
      expect(await ask(page, "open", options)).toMatchObject({ provider, threads });
    });
    afterAll(() => page?.close());

    test.each(runtimeSuite)("$name", async ({ name, expected }) => {
      expect(await ask(page, "observe", name)).toEqual(expected);
    });

    test("nothing was said on the console", () => expect(complaints).toEqual([]));
  });
});
