import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkTrace, meanBandwidth } from "./bandwidth-trace.ts";
import { traceCapacity } from "./capacity.ts";
import { parseTrace, readTrace } from "./parse-trace.ts";
import { synthesizeTrace } from "./synthesize-trace.ts";

const steps = [
  { durationMs: 500, bitsPerSecond: 8e6 },
  { durationMs: 1500, bitsPerSecond: 0 },
  { durationMs: 1500, bitsPerSecond: 1e6 },
];

test("CSV, with and without its heading", () => {
  const csv = "0,8000000\r\n0.5, 0\n\n# on\n2,1e6\n";
  expect(parseTrace(csv).steps).toEqual(steps);
  expect(parseTrace(`seconds,bps\n${csv}`).steps).toEqual(steps);
  expect(parseTrace("7,1000\n").steps).toEqual([{ durationMs: 1000, bitsPerSecond: 1000 }]);
});

test("JSON", () => {
  const points = [
    { seconds: 0, bps: 8e6 },
    { seconds: 0.5, bps: 0 },
    { seconds: 2, bps: 1e6 },
  ];
  expect(parseTrace(JSON.stringify(points)).steps).toEqual(steps);
});

test("mahimahi: every line lets 1500 bytes pass, by then, and the last is the period", () => {
  const { steps } = parseTrace("0\n1\n1\n4\n5\n");
  expect(steps).toEqual([
    { durationMs: 1, bitsPerSecond: 36e6 },
    { durationMs: 2, bitsPerSecond: 0 },
    { durationMs: 1, bitsPerSecond: 12e6 },
    { durationMs: 1, bitsPerSecond: 12e6 },
  ]);
  const capacity = traceCapacity({ steps });
  expect(capacity.finishMs(0, 12_000 * 3)).toBe(1);
  expect(capacity.finishMs(0, 12_000 * 4)).toBe(4);
  expect(capacity.finishMs(0, 12_000 * 6)).toBeCloseTo(5 + 1 / 3, 9);
});

test.each<[string, RegExp]>([
  ["", /"t": it is empty/],
  ["seconds,bps\n", /it is empty/],
  ["0,1\n1;2\n", /line 2: "1;2" is not "seconds,bps"/],
  ["0,1\n1,\n", /line 2/],
  ["0,1,2\n", /line 1/],
  ["\n0,1\n0,2\n", /line 3: times must rise: 0 is not after 0/],
  ["0,-5\n", /line 1: a bandwidth must be 0 or more, not -5/],
  ["0,0\n1,0\n", /no bandwidth at all/],
  ["5\nsix\n", /line 2: "six" is not a time in whole milliseconds/],
  ["5\n6.5\n", /line 2/],
  ["5\n4\n", /line 2: times must not fall: 4 comes after 5/],
  ["[1", /not JSON/],
  ["[]", /empty/],
  ['[{"seconds":0,"bps":1},null]', /entry 1/],
  ['[{"seconds":1,"bps":1},{"seconds":0,"bps":1}]', /entry 1: times must rise/],
  ['[{"seconds":0,"bps":-1}]', /entry 0: a bandwidth/],
])("%j is no trace", (text, message) => {
  expect(() => parseTrace(text, "t")).toThrow(message);
});

test("a file, and one that is not there", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "spinn-trace-")), "t.csv");
  await expect(readTrace(path)).rejects.toMatchObject({ code: "FileAccess" });
  writeFileSync(path, "0,8000000\n0.5,0\n2,1e6\n");
  expect((await readTrace(path)).steps).toEqual(steps);
});

test("synthesizeTrace() stays in its range, uses it, and is named by its seed", () => {
  const one = synthesizeTrace({ seed: 1 });
  expect(() => checkTrace(one)).not.toThrow();
  expect(one).toEqual(synthesizeTrace({ seed: 1 }));
  expect(one).not.toEqual(synthesizeTrace({ seed: 2 }));
  for (let seed = 1; seed <= 20; seed++) {
    const trace = synthesizeTrace({ seed });
    const rates = trace.steps.map((step) => step.bitsPerSecond);
    expect(rates).toHaveLength(800);
    expect(Math.min(...rates)).toBeGreaterThanOrEqual(1e6);
    expect(Math.min(...rates)).toBeLessThan(3e6);
    expect(Math.max(...rates)).toBe(38e6);
    expect(meanBandwidth(trace)).toBeGreaterThan(8e6);
    expect(meanBandwidth(trace)).toBeLessThan(30e6);
  }
});

test("synthesizeTrace() changes faster on the bus than on foot", () => {
  const change = (rates: readonly number[]): number =>
    rates.slice(1).reduce((sum, rate, i) => sum + Math.abs(Math.log(rate / rates[i]!)), 0) / rates.length;
  for (let seed = 1; seed <= 10; seed++) {
    const rates = synthesizeTrace({ seed }).steps.map((step) => step.bitsPerSecond);
    expect(change(rates.slice(0, 400))).toBeGreaterThan(1.5 * change(rates.slice(400)));
  }
});

test.each([{ steps: 0 }, { stepMs: 0 }, { minBitsPerSecond: 5, maxBitsPerSecond: 4 }])(
  "synthesizeTrace(%o)",
  (wrong) => {
    expect(() => synthesizeTrace({ seed: 1, ...wrong })).toThrow(RangeError);
  },
);
