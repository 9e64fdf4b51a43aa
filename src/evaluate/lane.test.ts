import fc from "fast-check";
import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import { constantCapacity } from "./capacity.ts";
import { Lane } from "./lane.ts";
import type { LaneShape } from "./link-model.ts";

/** 1 byte a millisecond. */
const slow: LaneShape = { capacity: constantCapacity(8000), latencyMs: 10, jitterMs: 0 };
const lane = (shape = slow): Lane<string> => new Lane(shape, createRng(1));
const me = {};

test("delivers in time when it is asked in time", () => {
  const l = lane();
  expect(l.nextMs).toBe(Infinity);
  l.enter(0, me, 100, "a");
  l.enter(0, me, 0, "end");
  expect(l.take(0)).toEqual([]);
  l.enter(50, me, 7, "b");
  expect(l.take(109.9)).toEqual([]);
  expect(l.nextMs).toBe(110);
  expect(l.take(110)).toEqual(["a", "end"]);
  expect(l.isTail).toBe(true);
  expect(l.take(117)).toEqual(["b"]);
  expect(l.nextMs).toBe(Infinity);
});

test("loses no throughput when its owner's timers are late", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 4, noNaN: true }), { minLength: 20, maxLength: 20 }), (lateness) => {
      const l = lane();
      for (let i = 0; i < 1000; i++) l.enter(0, me, 1, String(i));
      let now = 0;
      let got = 0;
      for (let turn = 0; got < 1000; turn++) {
        got += l.take(now).length;
        expect(got).toBeLessThanOrEqual(Math.max(0, now - 10));
        if (l.nextMs < Infinity) now = Math.max(now, l.nextMs) + lateness[turn % 20]!;
      }
      // 1000 ms for the bytes, 10 ms of latency; the last timer may be late, no more
      expect(now).toBeLessThanOrEqual(1010 + 8);
    }),
  );
});

test("another shape holds for what has not begun to leave", () => {
  const l = lane();
  for (let i = 0; i < 20; i++) l.enter(0, me, 10, String(i));
  expect(l.take(0)).toEqual([]); // admits the first, which leaves at 10
  expect(l.queuedBytes).toBe(190);
  l.reshape({ ...slow, capacity: constantCapacity(80_000) });
  expect(l.take(20)).toEqual(["0"]);
  expect(l.take(10 + 19 + 10)).toHaveLength(19);
});

test("frozen, nothing leaves and nothing arrives; thawed, it goes on from there", () => {
  const l = lane();
  l.enter(0, me, 5, "under way");
  l.take(0);
  l.enter(0, me, 20, "waiting");
  l.freeze();
  expect(l.nextMs).toBe(Infinity);
  expect(l.take(500)).toEqual([]);
  l.thaw(1000);
  expect(l.take(1000)).toEqual(["under way"]);
  expect(l.take(1029)).toEqual([]);
  expect(l.take(1030)).toEqual(["waiting"]);
});

test("forgets what a broken connection sent, and nothing else", () => {
  const l = lane();
  const other = {};
  l.enter(0, me, 5, "mine, under way");
  l.take(0);
  l.enter(0, me, 5, "mine");
  l.enter(0, other, 5, "other");
  l.drop(me);
  expect(l.queuedBytes).toBe(5);
  expect(l.take(1000)).toEqual(["other"]);
});
