// Where slices stop between a wide layer and a narrow one.

import { expect, test } from "vitest";
import { needRealModels, realModel } from "../../test/real-models.ts";
import { addExits } from "../generator/add-exits.ts";
import { describeNetwork, type NetworkInfo } from "./network-info.ts";
import { thinnerCuts } from "./thinner-cuts.ts";

/** A network of cuts with one tensor each: id, bytes, multiply-adds before; exits at the cuts whose id is in capitals. */
function network(...cuts: readonly [string, number, number][]): NetworkInfo {
  const exits = cuts.filter(([id]) => id === id.toUpperCase()).map(([at]) => ({ at }));
  return {
    cuts: cuts.map(([id, bytes, macsBefore]) => ({ id, bytes, macsBefore, tensors: [{ name: id, shape: [] }] })),
    exits: [...exits, { at: "none" }],
  } as unknown as NetworkInfo;
}

test("the thinnest cut nearby, where it saves enough and comes before the next exit", () => {
  const thin = (...cuts: readonly [string, number, number][]): unknown =>
    Object.fromEntries(thinnerCuts(network(["input", 9, 0], ...cuts, ["none", 0, 1000])));
  expect(thin(["A", 100, 300], ["b", 60, 310], ["c", 30, 320], ["d", 10, 400])).toEqual({ A: "c" });
  expect(thin(["A", 100, 300], ["b", 70, 310])).toEqual({});
  expect(thin(["A", 100, 300], ["B", 10, 310], ["c", 5, 315])).toEqual({ B: "c" });
});

test("behind MobileNetV2's first exit: the bottleneck, a quarter of the bytes for 2.4 % of the work", ({ skip }) => {
  needRealModels(skip);
  const info = describeNetwork(addExits(realModel("imagenet-mobilenetv2"), { seed: 1, head: { kind: "linear" } }));
  const [wide, thin] = [...thinnerCuts(info)][0]!.map((id) => info.cuts.find((cut) => cut.id === id)!);
  expect(wide!.id).toBe(info.exits[0]!.at);
  expect(wide!.bytes / thin!.bytes).toBe(4);
  expect((thin!.macsBefore - wide!.macsBefore) / info.cuts.at(-1)!.macsBefore).toBeCloseTo(0.024, 3);
});
