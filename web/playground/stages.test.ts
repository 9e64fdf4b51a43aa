import { expect, test } from "vitest";
import type { InferenceResult } from "../../src/engine/device-result.ts";
import { describeNetwork } from "../../src/engine/network-info.ts";
import { toyProgressive } from "../../test/toy.ts";
import { type Stage, stagesOf } from "./stages.ts";

const network = describeNetwork(toyProgressive());
const cut = network.exits[0]!.at;
const plan = { cut, thresholds: [0.8, 0.9, 0.5], codec: "lz4", bits: 8 } as const;
const timings = {
  ...{ totalMs: 9, prepareMs: 0, deviceQueueMs: 0, deviceMs: 0, packMs: 0 },
  ...{ sendQueueMs: 0, serverQueueMs: 0, serverMs: 0, networkMs: 0 },
};

function result(change: Partial<InferenceResult>): InferenceResult {
  return {
    ...{ label: "red", classIndex: 0, confidence: 0.95, exit: 0, exitName: "exit1", source: "device", bytesUp: 0 },
    deviceExits: [{ exit: 0, label: "red", classIndex: 0, confidence: 0.95 }],
    plan: { ...plan, thresholds: [...plan.thresholds] },
    timings,
    ...change,
  };
}

const kinds = (stages: readonly Stage[]): string[] => stages.map(({ outcome }) => outcome.kind);
const sides = (stages: readonly Stage[]): string[] => stages.map(({ side }) => side);
const unsure = { exit: 0, label: "green", classIndex: 1, confidence: 0.4 };

test("without an image: whose each slice would be, how much work it is, and when its exit would stop", () => {
  const stages = stagesOf(network, plan, undefined);
  expect(sides(stages)).toEqual(["device", "server", "server"]);
  expect(kinds(stages)).toEqual(["untouched", "untouched", "untouched"]);
  expect(stages.map(({ threshold }) => threshold)).toEqual([0.8, 0.9, 0.5]);
  expect(stages.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
});

test("what answers on the device leaves the rest untouched", () => {
  const [first, ...rest] = stagesOf(network, plan, result({}));
  expect(first!.outcome).toEqual({ kind: "answered", label: "red", confidence: 0.95 });
  expect(kinds(rest)).toEqual(["untouched", "untouched"]);
});

test("how sure an exit was is known of the device's alone", () => {
  const there = result({ exit: 2, confidence: 0.6, source: "server", deviceExits: [unsure] });
  const stages = stagesOf(network, plan, there);
  expect(kinds(stages)).toEqual(["passed", "passed-there", "answered"]);
  expect(stages[0]!.outcome).toEqual({ kind: "passed", label: "green", confidence: 0.4 });
});

test("when nobody was sure, all that was computed was passed, whichever exit answers", () => {
  const there = result({ exit: 0, confidence: 0.4, source: "server", deviceExits: [unsure] });
  expect(kinds(stagesOf(network, plan, there))).toEqual(["answered", "passed-there", "passed-there"]);
});

test("what the device did in the server's place it did on the device", () => {
  const deviceExits = [unsure, { ...unsure, exit: 1 }];
  const late = result({ exit: 1, confidence: 0.4, deviceExits, fallbackReason: "deadline" });
  const stages = stagesOf(network, plan, late);
  expect(sides(stages)).toEqual(["device", "device", "server"]);
  expect(kinds(stages)).toEqual(["passed", "answered", "untouched"]);
});

test("an exit that is not asked has no threshold, and is passed unasked", () => {
  const thresholds = [2, 0.9, 0.5];
  const there = result({ exit: 1, source: "server", deviceExits: [], plan: { ...plan, thresholds } });
  const stages = stagesOf(network, plan, there);
  expect(stages[0]!.threshold).toBeUndefined();
  expect(kinds(stages)).toEqual(["not-asked", "answered", "untouched"]);
});
