import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import type { InferenceResult } from "../engine/index.ts";
import { describeNetwork } from "../engine/network-info.ts";
import { chooseCuts } from "../profiler/choose-cuts.ts";
import { guessedModelProfile } from "../profiler/model-profile.ts";
import type { Profile, SideProfile } from "../scheduler/index.ts";
import { observe } from "./observe-result.ts";
import { probePlan } from "./probe-plan.ts";

const network = describeNetwork(toyProgressive({ width: 8 }));
const model = guessedModelProfile(network, chooseCuts(network), ({ bytes }) => bytes);
/** Each step a millisecond, each early exit two, packing ten. */
const side: SideProfile = {
  steps: model.cuts.slice(1).map(() => ({ meanMs: 1, spreadMs: 0 })),
  heads: network.exits.map(({ at }) => ({ meanMs: at === "none" ? 0 : 2, spreadMs: 0 })),
  coding: model.cuts.map(({ codecs }) => codecs.map(() => ({ meanMs: 10, spreadMs: 0 }))),
};
const profile: Profile = { model, device: side, server: side };
const stepsTo = (id: string): number => model.cuts.findIndex((cut) => cut.id === id);

function result(change: Partial<InferenceResult>, timings: Partial<InferenceResult["timings"]>): InferenceResult {
  const none = { totalMs: 0, prepareMs: 0, deviceQueueMs: 0, deviceMs: 0, packMs: 0, sendQueueMs: 0 };
  return {
    ...{ label: "0", classIndex: 0, confidence: 0.9, exit: 2, exitName: "final", source: "server", bytesUp: 100 },
    deviceExits: [],
    plan: { cut: "relu3", codec: "lz4", bits: 8, thresholds: [0.8, 0.8, 0.8] },
    ...change,
    timings: { ...none, serverQueueMs: 0, serverMs: 0, networkMs: 0, ...timings },
  };
}

test("an answer from the server tells of both sides", () => {
  const before = network.cuts.find(({ id }) => id === "relu3")!.exitsBefore;
  const deviceMs = stepsTo("relu3") + 2 * before + 10;
  const serverMs = 10 + stepsTo("none") - stepsTo("relu3") + 2 * (2 - before);
  const seen = observe(
    network,
    profile,
    result({}, { deviceMs: 3 * (deviceMs - 10), packMs: 40, serverMs: serverMs / 2, serverQueueMs: 7 }),
  );
  expect(seen.deviceFactor).toBeCloseTo(3);
  expect(seen.packingFactor).toBeCloseTo(4);
  expect(seen.serverFactor).toBeCloseTo(0.5);
  expect(seen.serverQueueMs).toBe(7);
});

test("an exit on the device tells of the way to it; whom nobody was sure about has gone to the end", () => {
  const early = stepsTo(network.exits[0]!.at) + 2;
  const first = result({ source: "device", exit: 0 }, { deviceMs: 5 * early });
  expect(observe(network, profile, first)).toEqual({ deviceFactor: 5 });
  const plan = { cut: "none", codec: "lz4", bits: 8, thresholds: [0.95, 0.95, 0.95] } as const;
  const unsure = result({ source: "device", exit: 0, plan }, { deviceMs: 2 * (stepsTo("none") + 4) });
  expect(observe(network, profile, unsure).deviceFactor).toBeCloseTo(2);
});

test("who only packs tells of packing", () => {
  const plan = { cut: "input", codec: "rans", bits: 8, thresholds: [2, 2, 0] } as const;
  const seen = observe(network, profile, result({ plan }, { packMs: 40, serverMs: 10 + stepsTo("none") }));
  expect(seen).toEqual({ packingFactor: 4, work: "input rans", serverFactor: 1, serverQueueMs: 0 });
});

test("what no profile holds is what is left of the whole, waiting for others left aside", () => {
  const early = stepsTo(network.exits[0]!.at) + 2;
  const timings = { totalMs: early + 12, prepareMs: 4, deviceQueueMs: 5, deviceMs: early };
  expect(observe(network, profile, result({ source: "device", exit: 0 }, timings)).prepareMs).toBeCloseTo(7);
  const odd = { totalMs: early - 1, deviceMs: early };
  expect(observe(network, profile, result({ source: "device", exit: 0 }, odd)).prepareMs).toBeUndefined();
});

test("without a server the device has done everything; other failures tell nothing, nor do ways that are not profiled", () => {
  const all = { source: "device", confidence: 0.5, exit: 1 } as const;
  const alone = result({ ...all, fallbackReason: "no-connection" }, { deviceMs: stepsTo("none") + 4 });
  expect(observe(network, profile, alone).deviceFactor).toBeCloseTo(1);
  expect(observe(network, profile, result({ ...all, fallbackReason: "deadline" }, { deviceMs: 50 }))).toEqual({});
  const odd = { cut: "relu3", codec: "lz4", bits: 5, thresholds: [0.8, 0.8, 0.8] } as const;
  expect(observe(network, profile, result({ plan: odd }, { deviceMs: 5 }))).toEqual({});
});

test("a probe goes the cheapest way on which the link can be measured, and asks one exit", () => {
  const link = { uplinkBps: 1e7, downlinkBps: 1e7, rttMs: 10 };
  const plan = probePlan(profile, link)!;
  const { bytes, exitsBefore } = network.cuts.find(({ id }) => id === plan.cut)!;
  expect(bytes).toBeGreaterThanOrEqual(2000);
  expect(plan.thresholds.map((t) => t <= 1)).toEqual([0, 1, 2].map((exit) => exit === exitsBefore));
  const nothing = { ...model, cuts: model.cuts.map((cut) => ({ ...cut, codecs: [] })) };
  expect(probePlan({ ...profile, model: nothing }, link)).toBeUndefined();
});
