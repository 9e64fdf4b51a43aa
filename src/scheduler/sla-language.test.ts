// The SLA language: what is printed parses to the same, and what makes no sense is pointed at.

import fc from "fast-check";
import { expect, test } from "vitest";
import { isSpinnError } from "../errors.ts";
import { type Metric, metrics } from "./metrics.ts";
import type { Constraint, Target } from "./sla.ts";
import { parseConstraint, parseSla, parseTarget, printConstraint, printTarget, SlaError } from "./sla-language.ts";

const metric = fc.constantFrom(...(Object.keys(metrics) as Metric[]));
const value = fc.double({ min: 0, max: 1e12, noNaN: true }).map(Math.abs);
const tolerance = fc.option(
  fc.double({ min: 0, max: 0.99, noNaN: true }).map((tolerance) => ({ tolerance: Math.abs(tolerance) })),
  { nil: {} },
);
const constraints = fc.record({ metric, op: fc.constantFrom("<=" as const, ">=" as const), value });
const targets = fc.oneof(
  fc
    .tuple(fc.constantFrom("min" as const, "max" as const), metric, tolerance)
    .map(([aim, name, tolerant]): Target => ({ aim, metric: name, ...tolerant })),
  fc
    .tuple(metric, value, tolerance)
    .map(([name, goal, tolerant]): Target => ({ aim: "value", metric: name, value: goal, ...tolerant })),
);

test("property: print, then parse", () => {
  fc.assert(
    fc.property(constraints, (one) => {
      expect(parseConstraint(printConstraint(one))).toEqual(one);
    }),
  );
  fc.assert(
    fc.property(targets, (one) => {
      expect(parseTarget(printTarget(one))).toEqual(one);
    }),
  );
});

test("property: any text is an agreement or a SlaError that points into it", () => {
  const words = fc.constantFrom(
    "latency",
    ".p95",
    "accuracy",
    "<=",
    "~",
    "within",
    "min",
    "60",
    "ms",
    "%",
    " ",
    "\n",
    "é",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(words).map((all) => all.join("")),
      ),
      (text) => {
        for (const parse of [parseConstraint, parseTarget]) {
          try {
            parse(text);
          } catch (error) {
            expect(error).toBeInstanceOf(SlaError);
            const { start, end, message } = error as SlaError;
            expect(start).toBeGreaterThanOrEqual(0);
            expect(end).toBeGreaterThanOrEqual(start);
            expect(end).toBeLessThanOrEqual(text.length);
            expect(message).not.toMatch(/[\n\r]/);
          }
        }
      },
    ),
  );
});

test.each<[string, Constraint]>([
  ["latency.p95 <= 60ms", { metric: "latency.p95", op: "<=", value: 60 }],
  ["latency<=0.06 s", { metric: "latency.mean", op: "<=", value: 60 }],
  ["accuracy >= 0.88", { metric: "accuracy", op: ">=", value: 0.88 }],
  ["accuracy ≥ 88%", { metric: "accuracy", op: ">=", value: 0.88 }],
  ["server-cost ≤ 3ms", { metric: "server-cost", op: "<=", value: 3 }],
  [" energy <= 20 mJ ", { metric: "energy", op: "<=", value: 20 }],
  ["energy <= .02J", { metric: "energy", op: "<=", value: 20 }],
  ["bytes <= 4kB", { metric: "bytes", op: "<=", value: 4000 }],
  ["bytes <= 4KiB", { metric: "bytes", op: "<=", value: 4096 }],
  ["throughput >= 30/s", { metric: "throughput", op: ">=", value: 30 }],
  ["throughput >= 90 /min", { metric: "throughput", op: ">=", value: 1.5 }],
  ["device-cost <= 500us", { metric: "device-cost", op: "<=", value: 0.5 }],
])("%s", (text, wanted) => {
  expect(parseConstraint(text)).toEqual(wanted);
});

test.each<[string, Target]>([
  ["min server-cost", { aim: "min", metric: "server-cost" }],
  ["max accuracy within 0.5%", { aim: "max", metric: "accuracy", tolerance: 0.005 }],
  ["latency ~ 30ms", { aim: "value", metric: "latency.mean", value: 30 }],
  ["robustness ~ 0.8 within 10%", { aim: "value", metric: "robustness", value: 0.8, tolerance: 0.1 }],
  ["min latency.p99 within 0.25", { aim: "min", metric: "latency.p99", tolerance: 0.25 }],
])("%s", (text, wanted) => {
  expect(parseTarget(text)).toEqual(wanted);
});

const wrong = (read: () => unknown): SlaError => {
  try {
    read();
  } catch (error) {
    if (error instanceof SlaError) return error;
  }
  throw new Error("nothing was thrown");
};

test.each([
  ["latncy <= 60ms", "latncy", /no metric "latncy". Did you mean latency\?/],
  ["latency.p90 <= 60ms", "latency.p90", /Did you mean latency\.p\d\d\?/],
  ["serverCost <= 3ms", "serverCost", /Did you mean server-cost\?/],
  ["quality <= 3", "quality", /There is latency, latency.mean/],
  ["latency.p95 <= 60mz", "mz", /"mz" is no unit of latency.p95. Did you mean ms\?/],
  ["latency.p95 <= 60", "60", /needs a unit. Write 60ms/],
  ["energy <= 3ms", "ms", /no unit of energy/],
  ["throughput >= 30", "30", /Write 30\/s/],
  ["accuracy >= 0.88ms", "ms", /no unit of accuracy/],
  ["latency < 60ms", "<", /Write <= or >=/],
  ["latency ~ 60ms", "~", /is a preference/],
  ["latency <=", "", /Nothing where a number/],
  ["latency <= -3ms", "-3ms", /where a number/],
  ["latency <= 3ms please", "please", /too much/],
  ["min latency", "min", /is a preference/],
  ["", "", /A metric is missing/],
])("constraint %j", (text, part, message) => {
  const error = wrong(() => parseConstraint(text));
  expect(text.slice(error.start, error.end)).toBe(part);
  expect(error.message).toMatch(message);
  expect(error.message).toContain(`column ${error.start + 1}`);
  expect(isSpinnError(error, "Usage")).toBe(true);
});

test.each([
  ["mim latency", "mim", /Did you mean min\?/],
  ["max acuracy", "acuracy", /Did you mean accuracy\?/],
  ["latency <= 30ms", "<=", /A bound belongs under require/],
  ["latency", "", /Nothing where ~/],
  ["min latency about 5%", "about", /within 5%/],
  ["min latency within 5ms", "ms", /unit/],
])("preference %j", (text, part, message) => {
  const error = wrong(() => parseTarget(text));
  expect(text.slice(error.start, error.end)).toBe(part);
  expect(error.message).toMatch(message);
});

test("a caret below the place", () => {
  expect(wrong(() => parseConstraint("latency.p95 <= 60mz")).excerpt).toBe("latency.p95 <= 60mz\n                 ^^");
});

test("what contradicts or repeats is pointed at, too", () => {
  const flaw = (require: string[], prefer: string[] = []): string => wrong(() => parseSla({ require, prefer })).message;
  expect(flaw(["latency <= 10ms", "latency >= 20ms"])).toMatch(/"latency >= 20ms".*contradicts/);
  expect(flaw(["latency.p99 <= 10ms", "latency.p50 >= 20ms"])).toMatch(/contradicts/);
  expect(flaw(["accuracy >= 80%", "accuracy >= 0.9"])).toMatch(/"accuracy >= 0.9".*has such a bound already/);
  expect(flaw(["accuracy >= 88"])).toMatch(/share of images/);
  expect(flaw([], ["min latency", "max latency"])).toMatch(/"max latency".*is a target already/);
  expect(parseSla({ require: ["latency >= 10ms", "latency <= 20ms", "latency.p50 <= 5ms"] }).require).toHaveLength(3);
  expect(parseSla({})).toEqual({ require: [], prefer: [] });
});
