import { expect, test } from "vitest";
import { TokenBucket } from "./token-bucket.ts";

test("gives what is in it at once, then at its rate, and says how long to wait", () => {
  const bucket = new TokenBucket(10, 3, 0);
  expect([1, 2, 3].map(() => bucket.take(1, 0))).toEqual([0, 0, 0]);
  expect(bucket.take(1, 0)).toBeCloseTo(100);
  expect(bucket.take(1, 40)).toBeCloseTo(60);
  expect(bucket.take(1, 100)).toBe(0);
  expect(bucket.take(1, 100)).toBeCloseTo(100);
});

test("over a long time nobody gets more than rate and capacity allow, however they ask", () => {
  const bucket = new TokenBucket(7, 5, 0);
  let taken = 0;
  for (let nowMs = 0; nowMs <= 60_000; nowMs += 3) if (bucket.take(1, nowMs) === 0) taken++;
  expect(taken).toBe(5 + 7 * 60);
});

test("fills to its capacity and no further", () => {
  const bucket = new TokenBucket(10, 3, 0);
  bucket.take(3, 0);
  expect(bucket.isFull(299)).toBe(false);
  expect(bucket.isFull(300)).toBe(true);
  expect(bucket.levelAt(1e9)).toBe(3);
});

test("what is larger than the bucket passes when it is full, and is made up for", () => {
  const bucket = new TokenBucket(100, 50, 0);
  expect(bucket.take(250, 0)).toBe(0);
  expect(bucket.levelAt(0)).toBe(-200);
  expect(bucket.take(250, 0)).toBeCloseTo(2500);
  expect(bucket.take(250, 2500)).toBe(0);
});

test("what was spent is owed", () => {
  const bucket = new TokenBucket(100, 50, 0);
  bucket.spend(80, 0);
  expect(bucket.take(10, 0)).toBeCloseTo(400);
});

test("a clock that goes back gives nothing", () => {
  const bucket = new TokenBucket(10, 1, 1000);
  bucket.take(1, 1000);
  expect(bucket.take(1, 0)).toBeGreaterThan(0);
  expect(bucket.take(1, 1099)).toBeGreaterThan(0);
  expect(bucket.take(1, 1100)).toBe(0);
});
