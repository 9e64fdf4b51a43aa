// Both optimisers against values worked out by hand.

import { expect, test } from "vitest";
import {
  type AdamOptions,
  adamDefaults,
  applyUpdate,
  type OptimizerOptions,
  optimizerStateCount,
  type SgdOptions,
  sgdDefaults,
  type UpdateVectors,
} from "./optimizer.ts";

const sgd: SgdOptions = { kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 0.1 };
const adam: AdamOptions = { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** The parameter after each of `gradients`, from 1, with learning rate 0.1. */
function path(options: OptimizerOptions, gradients: readonly number[], decays = 1): number[] {
  const vectors: UpdateVectors = {
    parameters: Float32Array.of(1),
    gradient: new Float32Array(1),
    state: Array.from({ length: optimizerStateCount(options) }, () => new Float32Array(1)),
    decayMask: Uint8Array.of(decays),
  };
  return gradients.map((g, i) => {
    vectors.gradient[0] = g;
    applyUpdate(vectors, options, 0.1, i + 1, 0, 1);
    return vectors.parameters[0]!;
  });
}

function expectPath(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 6);
}

test("SGD with Nesterov momentum looks ahead along its velocity, weight decay included", () => {
  // g = 0.5 + 0.1 * 1 = 0.6, v = 0.6, step 0.6 + 0.9 * 0.6 = 1.14;
  // then g = 0.2 + 0.0886 = 0.2886, v = 0.54 + 0.2886 = 0.8286, step 0.2886 + 0.74574 = 1.03434
  expectPath(path(sgd, [0.5, 0.2]), [0.886, 0.782566]);
});

test("SGD with plain momentum steps by the velocity", () => {
  // v = 0.6, then g = 0.2 + 0.094 = 0.294, v = 0.54 + 0.294 = 0.834
  expectPath(path({ ...sgd, nesterov: false }, [0.5, 0.2]), [0.94, 0.8566]);
});

test("SGD leaves masked parameters without decay", () => {
  // v = 0.5, step 0.95; v = 0.45 + 0.2 = 0.65, step 0.2 + 0.585 = 0.785
  expectPath(path(sgd, [0.5, 0.2], 0), [0.905, 0.8265]);
});

test("Adam corrects the bias of its young moments", () => {
  // first step: m / c1 = 0.5, sqrt(v / c2) = 0.5: one learning rate, whatever the gradient's size;
  // second: m = 0.035, v = 0.00025975, c1 = 0.19, c2 = 0.001999: 0.18421053 / 0.36047187 = 0.51102607
  expectPath(path(adam, [0.5, -0.1]), [0.9, 0.848897393]);
  expectPath(path(adam, [1e-3]), [0.900001]);
});

test("Adam's weight decay is decoupled from the gradient's scale, and masked", () => {
  const decaying = { ...adam, weightDecay: 0.2 };
  expectPath(path(decaying, [0.5]), [0.9 - 0.1 * 0.2]);
  expectPath(path(decaying, [0]), [1 - 0.1 * 0.2]);
  expectPath(path(decaying, [0.5], 0), [0.9]);
});

test.each([sgdDefaults, adamDefaults])("$kind updates only its part, like a whole update does", (options) => {
  const vectors = (): UpdateVectors => ({
    parameters: Float32Array.of(1, 2, 3, 4, 5),
    gradient: Float32Array.of(0.1, -0.2, 0.3, -0.4, 0.5),
    state: Array.from({ length: optimizerStateCount(options) }, () => Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5)),
    decayMask: Uint8Array.of(1, 0, 1, 0, 1),
  });
  const whole = vectors();
  applyUpdate(whole, options, 0.1, 3, 0, 5);
  const parts = vectors();
  applyUpdate(parts, options, 0.1, 3, 2, 5);
  expect([...parts.parameters.subarray(0, 2)]).toEqual([1, 2]);
  expect(parts.state.map((s) => s[1])).toEqual(parts.state.map(() => Math.fround(0.2)));
  expect(parts.parameters[2]).not.toBe(3);
  applyUpdate(parts, options, 0.1, 3, 0, 2);
  expect(parts).toEqual(whole);
});

test("the defaults are those of the recipes", () => {
  expect(sgdDefaults).toEqual({ kind: "sgd", momentum: 0.9, nesterov: true, weightDecay: 5e-4 });
  expect(adamDefaults).toMatchObject({ kind: "adam", beta1: 0.9, beta2: 0.999, weightDecay: 0 });
  expect([optimizerStateCount(sgdDefaults), optimizerStateCount(adamDefaults)]).toEqual([1, 2]);
});
