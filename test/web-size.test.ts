// How much a page downloads of this project.

import { expect, test } from "vitest";
import { webBundleSizes } from "./browser/bundle.ts";

test("spinn/web without onnxruntime-web is at most 60 kB gzipped", async () => {
  const { gzipBytes, modelReaderGzipBytes } = await webBundleSizes();
  expect(gzipBytes).toBeGreaterThan(20_000); // else something is missing
  expect(gzipBytes).toBeLessThan(60_000);
  expect(modelReaderGzipBytes).toBeLessThan(60_000);
});
