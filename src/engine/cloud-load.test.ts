import { expect, test } from "vitest";
import { LoadMeter } from "./cloud-load.ts";

const run = (ms: number, queueMs = 0) => ({ queueMs, slices: [{ from: "input", to: "none", ms }] });

const [one, other] = [{}, {}];

function after(runs: number, each: ReturnType<typeof run>): LoadMeter {
  const meter = new LoadMeter();
  meter.observe(one, run(10), 0);
  for (let i = 0; i < runs; i++) meter.observe(one, each, 0);
  return meter;
}

test("1 when idle, and as long as runs take no longer than ever", () => {
  expect(new LoadMeter().at(0)).toBe(1);
  expect(after(20, run(10)).at(0)).toBe(1);
});

test("waiting and slow computing both count, over the best that was seen of these slices", () => {
  expect(after(100, run(30)).at(0)).toBeCloseTo(3, 3);
  expect(after(100, run(10, 40)).at(0)).toBeCloseTo(5, 3);
  const meter = after(100, run(30));
  meter.observe(other, run(1000), 0); // another network has another best
  expect(meter.at(0)).toBeCloseTo(1 + 0.9 * 2, 2);
});

test("a machine that stalls once is not a loaded one; one that stays slow is, after a few runs", () => {
  expect(after(1, run(10, 5000)).at(0)).toBeLessThan(1.5);
  expect(after(40, run(200)).at(0)).toBeGreaterThan(15);
});

test("a burst is forgotten when nothing runs any more", () => {
  const meter = after(100, run(30));
  expect(meter.at(5000)).toBeCloseTo(1 + 2 / Math.E, 2);
  expect(meter.at(60_000)).toBeCloseTo(1, 4);
});
