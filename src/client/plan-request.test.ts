import { expect, test } from "vitest";
import { SlaError } from "../scheduler/index.ts";
import { isFixed, slaOf, usualTargets } from "./plan-request.ts";

test("words and objects make the same agreement, also mixed", () => {
  const words = slaOf({ require: ["latency.p95 <= 60ms", "accuracy >= 88%"], prefer: ["min server-cost"] });
  const objects = slaOf({
    require: [{ metric: "latency.p95", op: "<=", value: 60 }, "accuracy >= 0.88"],
    prefer: [{ aim: "min", metric: "server-cost" }],
  });
  expect(objects).toEqual(words);
});

test("who wants nothing beyond what must hold, wants what is usual", () => {
  expect(slaOf({ require: ["bytes <= 4kB"] }).prefer).toBe(usualTargets);
  expect(slaOf({})).toEqual({ require: [], prefer: usualTargets });
});

test("what makes no sense is pointed at in words, and named in objects", () => {
  expect(() => slaOf({ require: ["latency.p95 <= 60"] })).toThrow(SlaError);
  expect(() => slaOf({ require: ["latency.p95 <= 60ms", "latency.p95 <= 50ms"] })).toThrow(SlaError);
  expect(() => slaOf({ require: ["accuracy >= 80%", { metric: "accuracy", op: "<=", value: 0.5 }] })).toThrow(
    RangeError,
  );
});

test("a plan is fixed when neither cut nor codec nor thresholds are left to an agreement", () => {
  expect(isFixed({ cut: "none" }, undefined)).toBe(true);
  expect(isFixed({ cut: "relu3", codec: "lz4" }, undefined)).toBe(true);
  expect(isFixed({ cut: "relu3" }, undefined)).toBe(false);
  expect(isFixed({ cut: "none" }, {})).toBe(false);
  expect(isFixed({ cut: "none", threshold: 0.8 }, {})).toBe(true);
});
