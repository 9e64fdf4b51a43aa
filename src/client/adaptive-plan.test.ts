import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { describeNetwork, type InferenceResult, type LinkStatus, makePlan } from "../engine/index.ts";
import { adaptPlan, type Learned, learn, nothingLearned } from "./adaptive-plan.ts";
import type { CutProfile } from "./choose-cut.ts";

const network = describeNetwork(toyProgressive());
const thresholds = [0.8, 0.8, 0.8];
const packed = { codec: "packed" as const, bits: 8, bytes: 8000, encodeMs: 0, decodeMs: 0 };
const lz4 = { codec: "lz4" as const, bits: 8, bytes: 4000, encodeMs: 1, decodeMs: 1 };
const profile: CutProfile = {
  cuts: [
    { id: "input", exitsBefore: 0, deviceMs: 0, codecs: [packed, lz4] },
    { id: "relu3", exitsBefore: 1, deviceMs: 40, codecs: [packed, lz4] },
    { id: "none", exitsBefore: 3, deviceMs: 100, codecs: [] },
  ],
  exitMs: [20, 60, 100],
};
const auto = { cut: "auto", thresholds, shares: [0, 0, 1] };
const start = makePlan(network, { cut: "none" });
const link = (uplinkBps: number): LinkStatus => ({ connected: true, uplinkBps, rttMs: 10, serverLoad: 1 });

const result = (change: Partial<InferenceResult["timings"]>, more: Partial<InferenceResult> = {}): InferenceResult => ({
  label: "red",
  classIndex: 2,
  confidence: 0.9,
  exit: 2,
  exitName: "final",
  source: "server",
  plan: makePlan(network, { cut: "relu3" }),
  bytesUp: 4000,
  timings: {
    totalMs: 100,
    prepareMs: 0,
    deviceQueueMs: 0,
    deviceMs: 40,
    packMs: 1,
    sendQueueMs: 0,
    serverQueueMs: 0,
    serverMs: 15,
    networkMs: 20,
    ...change,
  },
  ...more,
});

const after = (results: readonly InferenceResult[]): Learned =>
  results.reduce((learned, one) => learn(learned, network, one), nothingLearned(profile));

test("the plan follows the link", () => {
  const learned = nothingLearned(profile);
  expect(adaptPlan(auto, learned, link(50e6), start)).toEqual({ cut: "input", thresholds, codec: "packed", bits: 8 });
  expect(adaptPlan(auto, learned, link(2e6), start)).toEqual({ cut: "input", thresholds, codec: "lz4", bits: 8 });
  expect(adaptPlan(auto, learned, link(1e5), start)).toBe(start);
});

test("a server that turns out slow, or busy, gets less", () => {
  const slow = after(Array.from({ length: 40 }, () => result({ serverMs: 600 })));
  expect(slow.serverFactor).toBeCloseTo(10, 1);
  expect(adaptPlan(auto, slow, link(50e6), start)).toBe(start);
  const busy = after(Array.from({ length: 40 }, () => result({ serverQueueMs: 500 })));
  expect(busy.serverQueueMs).toBeCloseTo(500, -1);
  expect(adaptPlan(auto, busy, link(50e6), start)).toBe(start);
});

test("an exit that was sure cost the server less than the whole rest", () => {
  const learned = after(Array.from({ length: 60 }, () => result({ serverMs: 5 }, { exit: 1 })));
  expect(learned.serverFactor).toBeCloseTo(5 / 20, 2);
  const unsure = after(Array.from({ length: 60 }, () => result({ serverMs: 5 }, { exit: 1, confidence: 0.3 })));
  expect(unsure.serverFactor).toBeCloseTo(5 / 60, 2);
});

test("real images correct what the example made of the bytes; answers from here say nothing of the server", () => {
  const learned = after(Array.from({ length: 60 }, () => result({}, { bytesUp: 1000 })));
  const bytes = learned.profile.cuts.map(({ codecs }) => codecs.map((one) => Math.round(one.bytes)));
  expect(bytes).toEqual([[8000, 4000], [8000, 1000], []]);
  const nothing = nothingLearned(profile);
  expect(learn(nothing, network, result({ serverMs: 900 }, { source: "device" }))).toBe(nothing);
});

test("a plan that is hardly better does not replace the current one", () => {
  const learned = nothingLearned(profile);
  const change = (uplinkBps: number, codec: "packed" | "lz4"): string =>
    adaptPlan(auto, learned, link(uplinkBps), makePlan(network, { cut: "input", codec })).codec;
  // at 25.6 Mbit/s both are equally fast
  expect([change(25e6, "packed"), change(25e6, "lz4")]).toEqual(["packed", "lz4"]);
  expect([change(5e6, "packed"), change(200e6, "lz4")]).toEqual(["lz4", "lz4"]);
});

test("a cut that was asked for stays; only the codec is chosen", () => {
  const fixed = { ...auto, cut: "relu3" };
  const plan = adaptPlan(
    fixed,
    nothingLearned(profile),
    link(1e5),
    makePlan(network, { cut: "relu3", codec: "packed" }),
  );
  expect(plan).toMatchObject({ cut: "relu3", codec: "lz4" });
});
