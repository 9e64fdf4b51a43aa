import { expect, test } from "vitest";
import { Interval } from "./interval.ts";

test("percentiles of very many runs come from evenly spread ones", () => {
  const interval = new Interval();
  for (let i = 0; i < 100_000; i++) {
    const times = { slices: [], unpackMs: 0, packMs: 0, queueMs: i };
    const end = { kind: "answered", exit: 0, confident: true, sentBytes: 1, times } as const;
    interval.add({ kind: "run", connection: "a", network: "n", cut: "input", receivedBytes: 2, totalMs: 1, end });
  }
  const { answeredPerSecond, receivedBytesPerSecond, queueMs, meanBatch } = interval.measured(0.5);
  expect({ answeredPerSecond, receivedBytesPerSecond, meanBatch }).toEqual({
    answeredPerSecond: 200_000,
    receivedBytesPerSecond: 400_000,
    meanBatch: null,
  });
  expect(queueMs!.p50).toBeGreaterThan(49_000);
  expect(queueMs!.p50).toBeLessThan(51_000);
  expect(queueMs!.p95).toBeGreaterThan(94_000);
  expect(queueMs!.p95).toBeLessThan(96_000);
});
