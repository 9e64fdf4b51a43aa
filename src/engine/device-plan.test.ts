import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { codingOf, makePlan } from "./device-plan.ts";
import { describeNetwork } from "./network-info.ts";

const network = describeNetwork(toyProgressive());

test("a plan is made complete", () => {
  expect(makePlan(network, { cut: "none" })).toEqual({
    cut: "none",
    thresholds: [0.8, 0.8, 0.8],
    codec: "lz4",
    bits: 8,
  });
  const plan = makePlan(network, { cut: "input", threshold: [0.5, 2, 0], codec: "float32" });
  expect(plan).toEqual({ cut: "input", thresholds: [0.5, 2, 0], codec: "float32", bits: 32 });
  expect(codingOf(makePlan(network, { cut: "input", codec: "image" }))).toEqual({ codec: "lz4", bits: 8 });
});

test("what makes no sense is refused, with what would", () => {
  expect(() => makePlan(network, { cut: "relu_99" })).toThrow(/no cut "relu_99".*input, .*none/);
  expect(() => makePlan(network, { cut: "none", threshold: [0.5] })).toThrow(/1 thresholds for 3 exits/);
  expect(() => makePlan(network, { cut: "none", threshold: Number.NaN })).toThrow(RangeError);
  expect(() => makePlan(network, { cut: "none", threshold: -1 })).toThrow(RangeError);
  expect(() => makePlan(network, { cut: "none", bits: 9 })).toThrow(/9 bits/);
  expect(() => makePlan(network, { cut: "none", codec: "image" })).toThrow(/at the cut input only/);
});
