import { expect, test } from "vitest";
import { HttpError } from "./http-error.ts";
import { matchRoute } from "./match-route.ts";
import type { Route } from "./route.ts";

const routes: Route[] = ["/", "/models/:hash/:file", "/models/:hash/index.json", "/v2/models/:name/infer"].map(
  (path) => ({ path, access: "public" }),
);
const match = (path: string): unknown => {
  const found = matchRoute(routes, path);
  return found && [found.route.path, found.parts];
};

test("the first route that fits, with what stands for its names", () => {
  expect(match("/")).toEqual(["/", {}]);
  expect(match("/models/abc/index.json")).toEqual(["/models/:hash/:file", { hash: "abc", file: "index.json" }]);
  expect(match("/v2/models/my%20net%2F2/infer")).toEqual(["/v2/models/:name/infer", { name: "my net/2" }]);
});

test.each(["", "//", "/models", "/models/abc", "/models/abc/", "/models//file", "/models/a/b/c", "/v2/models/x/INFER"])(
  "%j is nowhere",
  (path) => {
    expect(match(path)).toBeUndefined();
  },
);

test("a path that is badly encoded is the other side's mistake", () => {
  expect(() => match("/models/%ff/x")).toThrow(HttpError);
  expect(() => match("/%")).toThrow(expect.objectContaining({ status: 400 }));
});
