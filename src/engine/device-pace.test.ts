import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { type Pace, remainingMs, withSlices } from "./device-pace.ts";
import { describeNetwork } from "./network-info.ts";

const network = describeNetwork(toyProgressive());
const middle = network.cuts[Math.floor(network.cuts.length / 2)]!;
const total = network.cuts.at(-1)!.macsBefore;
const times = (ms: number): Parameters<typeof withSlices>[2] => {
  return { slices: [{ from: "input", to: middle.id, ms }], unpackMs: 0, packMs: 0, queueMs: 0 };
};

test("what is left takes as long as its multiply-adds say, half as much again, and a start", () => {
  const pace = withSlices(undefined, network, times(10));
  const proportional = (10 * (total - middle.macsBefore)) / middle.macsBefore;
  expect(remainingMs(pace, network, middle.id)).toBeCloseTo(5 + 1.5 * proportional, 9);
  expect(remainingMs(pace, network, "none")).toBe(5);
});

test("a device that becomes slower is noticed", () => {
  let pace: Pace = withSlices(undefined, network, times(10));
  for (let i = 0; i < 30; i++) pace = withSlices(pace, network, times(30));
  const now = remainingMs(pace, network, "input")!;
  expect(now / remainingMs(withSlices(undefined, network, times(30)), network, "input")!).toBeCloseTo(1, 1);
});

test("nothing is claimed before something ran", () => {
  expect(remainingMs(undefined, network, "input")).toBeUndefined();
  expect(withSlices(undefined, network, { slices: [], unpackMs: 0, packMs: 0, queueMs: 0 })).toBeUndefined();
});
