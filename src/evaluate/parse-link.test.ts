import { expect, test } from "vitest";
import { isSpinnError } from "../errors.ts";
import { linkPresets } from "./link-presets.ts";
import { checkLink, type LinkSpec } from "./link-spec.ts";
import { parseLink } from "./parse-link.ts";

const both = (bitsPerSecond: number, rttMs: number): LinkSpec => ({
  downBitsPerSecond: bitsPerSecond,
  upBitsPerSecond: bitsPerSecond,
  rttMs,
});

test.each<[string, LinkSpec]>([
  ["24mbps/40ms", both(24e6, 40)],
  ["  1.5 Mbps / .25s ", both(1.5e6, 250)],
  ["1gbps/500us", both(1e9, 0.5)],
  ["9600bps/0ms", both(9600, 0)],
  ["5mbps/1mbps/80ms", { downBitsPerSecond: 5e6, upBitsPerSecond: 1e6, rttMs: 80 }],
  ["24mbps/40ms/jitter=10ms", { ...both(24e6, 40), jitterMs: 10 }],
  ["24mbps/40ms/cuts=0.1/jitter=1ms", { ...both(24e6, 40), cutsPerSecond: 0.1, jitterMs: 1 }],
  ["4g", both(24e6, 40)],
  ["5G", both(250e6, 1)],
])("%s", (text, link) => {
  expect(parseLink(text)).toEqual(link);
});

test.each<[string, number, RegExp]>([
  ["", 1, /a bandwidth is missing/],
  ["6g", 2, /"g" is no unit of bandwidth/],
  ["24mbs/40ms", 3, /"mbs" is no unit of bandwidth \(bps, kbps, mbps, gbps\)/],
  ["24/40ms", 3, /the unit is missing/],
  ["24mbps", 7, /the round trip time is missing/],
  ["24mbps/", 8, /a number is missing/],
  ["24mbps/40", 10, /the unit is missing/],
  ["24mbps/40 mbps", 11, /"mbps" is no unit of time/],
  ["24mbps/5kmh/40ms", 9, /"kmh" is no unit of bandwidth/],
  ["24mbps/-1ms", 8, /"-1ms" is not a number/],
  ["1e3mbps/1ms", 2, /"e3mbps" is no unit/],
  ["1.2.3mbps/1ms", 4, /"\.3mbps" is no unit/],
  ["0mbps/40ms", 1, /more than 0/],
  ["1mbps/0bps/40ms", 7, /more than 0/],
  ["1mbps/1mbps/40ms/3", 18, /"3" is one too many/],
  ["1mbps/jitter=1ms/40ms", 7, /must stand behind/],
  ["1mbps/40ms/loss=1", 12, /"loss" is neither jitter nor cuts/],
  ["1mbps/40ms/jitter=x", 19, /"x" is not a number/],
  ["1mbps/40ms/cuts=1s", 18, /a number without a unit/],
  ["1mbps/40ms/cuts=1/cuts=2", 19, /twice/],
  ["toString", 1, /is not a number/],
  [`${"9".repeat(400)}gbps/1ms`, 1, /too large/],
])("parseLink(%j) points at character %i", (text, character, what) => {
  const failure = (() => {
    try {
      return parseLink(text);
    } catch (error) {
      return error;
    }
  })();
  expect(isSpinnError(failure, "Usage")).toBe(true);
  expect(String(failure)).toContain(`at character ${character}:`);
  expect(String(failure)).toMatch(what);
});

test("every preset is a link", () => {
  for (const link of Object.values(linkPresets)) expect(() => checkLink(link)).not.toThrow();
});

test.each([{ upBitsPerSecond: 0 }, { downBitsPerSecond: Number.NaN }, { rttMs: -1 }, { jitterMs: Infinity }])(
  "checkLink() refuses %o",
  (wrong) => {
    expect(() => checkLink({ ...both(1e6, 10), ...wrong })).toThrow(RangeError);
  },
);
