// The picture of an evaluation: that it renders, shows every number, and survives odd input.

import sharp from "sharp";
import { expect, test } from "vitest";
import type { Evaluation } from "./evaluate.ts";
import { plotEvaluation } from "./plot.ts";
import { niceTicks } from "./svg-panel.ts";

const fractions = [0.14, 0.27, 0.42, 0.57, 0.73, 0.89, 1];
const thresholds = [0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1];

const sample: Evaluation = {
  model: "models/cifar10-resnet20.spinn.onnx",
  dataset: "cifar10/test",
  images: 10000,
  exits: [0.62, 0.7, 0.79, 0.84, 0.885, 0.903, 0.911].map((top1, i) => {
    return { name: i < 6 ? `exit${i + 1}` : "final", flopsFraction: fractions[i]!, top1 };
  }),
  thresholds: thresholds.map((threshold, i) => {
    const early = 0.6 * (1 - i / 7);
    const exitRates = [early * 0.4, early * 0.3, 0.1, 0.1, 0.06, 0.04, 0];
    exitRates[6] = 1 - exitRates.reduce((a, b) => a + b);
    const meanFlopsFraction = exitRates.reduce((sum, r, e) => sum + r * fractions[e]!, 0);
    return { threshold, top1: 0.912 - 0.09 * (1 - i / 7) ** 2, exitRates, meanFlopsFraction };
  }),
};

test("the picture is one valid SVG of the stated size", async () => {
  const svg = plotEvaluation(sample);
  const { format, width, height } = await sharp(Buffer.from(svg)).metadata();
  expect({ format, width, height }).toEqual({ format: "svg", width: 1040, height: 440 });
  expect(svg).not.toMatch(/NaN|undefined|Infinity|href/);
  expect(svg.match(/<circle class="dot"/g)).toHaveLength(8 + 5 * 7);
  for (const { threshold } of sample.thresholds) expect(svg).toContain(`>${threshold}</text>`);
});

test("names with markup and control characters stay text", async () => {
  const svg = plotEvaluation({ ...sample, model: `<script>&"\u0000`, dataset: "a\nb" });
  expect(svg).not.toContain("<script>");
  expect((await sharp(Buffer.from(svg)).metadata()).format).toBe("svg");
});

test("one exit, one threshold and equal accuracies are drawn too", async () => {
  const single: Evaluation = {
    ...sample,
    exits: [{ name: "final", flopsFraction: 1, top1: 0.5 }],
    thresholds: [{ threshold: 0.5, top1: 0.5, exitRates: [1], meanFlopsFraction: 1 }],
  };
  const svg = plotEvaluation(single);
  expect(svg).not.toMatch(/NaN|Infinity/);
  expect((await sharp(Buffer.from(svg)).metadata()).format).toBe("svg");
});

test("niceTicks() covers the range in round steps", () => {
  expect(niceTicks(81.3, 91.2, 5)).toEqual([80, 82, 84, 86, 88, 90, 92]);
  expect(niceTicks(0, 100, 5)).toEqual([0, 20, 40, 60, 80, 100]);
  expect(niceTicks(50, 50, 5)[0]).toBeLessThanOrEqual(50);
  expect(niceTicks(50, 50, 5).at(-1)).toBeGreaterThan(50);
});
