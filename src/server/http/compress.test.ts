import { expect, test } from "vitest";
import { takesGzip } from "./compress.ts";

test.each(["gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.5", "*", "GZIP", "br, *;q=0.1"])(
  "%j takes gzip",
  (header) => {
    expect(takesGzip(header)).toBe(true);
  },
);

test.each([undefined, "", "br", "gzip;q=0", "gzip; q=0.00", "xgzip", "identity"])("%j does not", (header) => {
  expect(takesGzip(header)).toBe(false);
});
