// placeExits() on made-up costs, against the exhaustive search, and on the real networks.

import fc from "fast-check";
import { expect, test } from "vitest";
import { needRealModels, REAL_MODELS, realModel } from "../../test/real-models.ts";
import { articulationPoints } from "../onnx/articulation-points.ts";
import { countMacs } from "../onnx/flops.ts";
import { defaultFractions, type ExitCandidate, placeExits } from "./place-exits.ts";

const points = (...costs: number[]): ExitCandidate[] =>
  costs.map((macsBefore, i) => ({ name: `t${i}`, shape: [1, 8, 4, 4], macsBefore }));
const namesAt = (costs: number[], fractions: number[]): string[] =>
  placeExits(points(...costs), 100, fractions).map((p) => p.name);

test("each fraction gets the nearest place", () => {
  expect(namesAt([5, 14, 29, 50, 62, 99], [0.15, 0.3, 0.6])).toEqual(["t1", "t2", "t4"]);
});

test("the last tensor of equal cost is taken, and the deeper of two equally near ones", () => {
  expect(namesAt([20, 20, 20, 70], [0.2])).toEqual(["t2"]);
  expect(namesAt([20, 40], [0.3])).toEqual(["t1"]);
});

test("places are never shared: a collision moves whichever costs least", () => {
  expect(namesAt([10, 50, 58], [0.49, 0.51])).toEqual(["t1", "t2"]);
  expect(namesAt([42, 50, 90], [0.49, 0.51])).toEqual(["t0", "t1"]);
});

test("only maps with work on both sides are candidates", () => {
  const flat = { name: "flat", shape: [1, 8], macsBefore: 50 };
  const places = placeExits([...points(0, 40), flat, ...points(100)], 100, [0.5]);
  expect(places).toEqual([{ name: "t1", shape: [1, 8, 4, 4], macsBefore: 40, wanted: 0.5 }]);
});

test("too few places and senseless fractions are refused", () => {
  expect(() => placeExits(points(10, 10, 50), 100, [0.1, 0.2, 0.3])).toThrow(
    /has 2 places .* for 3 exits\. Ask for fewer/,
  );
  for (const fractions of [[], [0], [1], [0.5, 0.5], [0.5, 0.2], [Number.NaN]])
    expect(() => placeExits(points(10, 50), 100, fractions)).toThrow(RangeError);
});

test("property: the total distance equals that of the exhaustive search", () => {
  const cost = fc.integer({ min: 1, max: 99 });
  fc.assert(
    fc.property(
      fc.uniqueArray(cost, { minLength: 4, maxLength: 9 }),
      fc.uniqueArray(cost, { minLength: 1, maxLength: 4 }),
      (costs, targets) => {
        costs.sort((a, b) => a - b);
        targets.sort((a, b) => a - b);
        const distance = (chosen: readonly number[]): number =>
          chosen.reduce((sum, c, i) => sum + Math.abs(c - targets[i]!), 0);
        const choose = (k: number, start: number): number[][] =>
          k === 0 ? [[]] : costs.flatMap((c, i) => (i < start ? [] : choose(k - 1, i + 1).map((rest) => [c, ...rest])));
        const best = Math.min(...choose(targets.length, 0).map(distance));
        const placed = placeExits(
          points(...costs),
          100,
          targets.map((t) => t / 100),
        ).map((p) => p.macsBefore);
        expect(new Set(placed).size).toBe(targets.length);
        expect(distance(placed)).toBe(best);
      },
    ),
  );
});

test.for(REAL_MODELS)("%s has six distinct places near the paper's fractions", (name, { skip }) => {
  needRealModels(skip);
  const model = realModel(name);
  const { total } = countMacs(model);
  const places = placeExits(articulationPoints(model), total);
  // SqueezeNet ends in one convolution of a quarter of the work, so that its last exit sits at 75 % instead of 90 %
  const tolerance = name === "imagenet-squeezenet1_1" ? 0.15 : 0.06;
  const off = places.map(({ macsBefore }, i) => Math.abs(macsBefore / total - defaultFractions[i]!));
  expect(Math.max(...off)).toBeLessThan(tolerance);
  expect(new Set(places.map((p) => p.macsBefore)).size).toBe(6);
});
