import { describe, expect, test } from "vitest";
import { conditionsAt, newRunTimeProfile, observed } from "../profiler/run-time-profile.ts";
import { createRng, normal } from "../random.ts";
import { estimate, type PlanState, type Profile } from "../scheduler/index.ts";
import { syntheticProfile } from "../scheduler/synthetic-profile.ts";
import { type ClientPlanRequest, type SlaRequest, slaOf } from "./plan-request.ts";
import { Planner } from "./planner.ts";

const profile: Profile = syntheticProfile({ seed: 11, deviceMs: 60, images: 100, cuts: 12, exits: 4 });
const calibrated = { isCalibrated: true };
const good = { uplinkBps: 24e6, downlinkBps: 24e6, rttMs: 20 };

function plannerFor(request: ClientPlanRequest, sla?: SlaRequest): Planner {
  return new Planner(profile, request, sla && slaOf(sla), calibrated);
}

describe("what a user fixes stays", () => {
  const planOf = (request: ClientPlanRequest, sla?: SlaRequest): PlanState["plan"] =>
    plannerFor(request, sla).look(good, true, 0).state.plan;

  test("threshold, cut and codec", () => {
    expect(new Set(planOf({ threshold: 0.7 }).thresholds)).toEqual(new Set([0.7]));
    expect(planOf({ cut: "relu_5" })).toMatchObject({ cut: "relu_5" });
    expect(planOf({ cut: "relu_5", codec: "float32" })).toMatchObject({ cut: "relu_5", codec: "float32" });
    expect(planOf({ cut: "none" }, { prefer: ["min device-cost"] })).toMatchObject({ cut: "none" });
  });

  test("also when there is no connection", () => {
    const planner = plannerFor({ cut: "relu_5" });
    planner.look(good, true, 0);
    expect(planner.look(good, false, 1000).changed).toBe(false);
  });
});

test("without an agreement: as soon as possible with the threshold, or within a point of the best accuracy", () => {
  const free = plannerFor({}).look(good, true, 0).state;
  const sure = plannerFor({ threshold: 1 }).look(good, true, 0).state;
  const best = plannerFor({}, { prefer: ["max accuracy within 0%"] }).look(good, true, 0).state;
  expect(free.expected.accuracy).toBeGreaterThan(best.expected.accuracy - 0.03);
  expect(free.expected.latency.mean).toBeLessThan(best.expected.latency.mean);
  expect(sure.plan.thresholds.every((t) => t === 1)).toBe(true);
});

test("a network whose exits nobody knows keeps the paper's threshold", () => {
  const planner = new Planner(profile, {}, undefined, { isCalibrated: false });
  expect(new Set(planner.look(good, true, 0).state.plan.thresholds)).toEqual(new Set([0.8]));
});

test("without a server there is a plan of its own, and with it again the other", () => {
  const planner = plannerFor({}, { require: ["latency.p95 <= 80ms"], prefer: ["min device-cost"] });
  const before = planner.look(good, true, 0);
  expect(before.state.plan.cut).not.toBe("none");
  const alone = planner.look(good, false, 5000);
  expect(alone).toMatchObject({ changed: true, state: { plan: { cut: "none" } } });
  expect(planner.look(good, false, 5100).changed).toBe(false);
  expect(planner.look(good, true, 9000)).toMatchObject({
    changed: true,
    state: { plan: { cut: before.state.plan.cut } },
  });
});

test("what is expected moves with the conditions, also while the plan stays", () => {
  const planner = plannerFor({ cut: "none", threshold: 1 });
  expect(planner.expected).toBeUndefined();
  planner.look(good, true, 0);
  const before = planner.expected!.latency.mean;
  expect(planner.look({ ...good, deviceFactor: 3 }, true, 5000).changed).toBe(false);
  expect(planner.expected!.latency.mean).toBeCloseTo(3 * before, 5);
});

test("nothing to choose from is a mistake", () => {
  expect(() => plannerFor({ cut: "nowhere" })).toThrow(RangeError);
});

describe("adaptation, on a clock of its own", () => {
  interface World {
    readonly uplinkBps: number;
    readonly rttMs: number;
    readonly device: number;
    readonly server: number;
  }
  const usual: World = { uplinkBps: 24e6, rttMs: 20, device: 1, server: 1 };
  const sla = slaOf({
    require: ["latency.p95 <= 70ms", "accuracy >= 0.8"],
    prefer: ["max accuracy", "min latency.mean"],
  });
  const everyMs = 100;

  /** Ten seconds of each world, one image after the other; what is observed is off by a few percent each time. */
  function live(worlds: readonly World[], seed: number): { changes: number[][]; brokenAfterMs: number[] } {
    const rng = createRng(seed);
    const noisy = (value: number, noise = 0.05): number => value * Math.exp(noise * normal(rng));
    const planner = new Planner(profile, {}, sla, calibrated);
    let runTime = newRunTimeProfile({ serverFactor: 1 });
    let nowMs = 0;
    const changes: number[][] = [];
    const brokenAfterMs: number[] = [];
    for (const world of worlds) {
      const fromMs = nowMs;
      const own: number[] = [];
      changes.push(own);
      let broken = 0;
      for (; nowMs < fromMs + 10_000; nowMs += everyMs) {
        runTime = observed(
          runTime,
          {
            deviceFactor: noisy(world.device),
            serverFactor: noisy(world.server),
            serverQueueMs: 0.2 * rng(),
            // the engine's medians are steadier, and a few transfers late
            ...(nowMs - fromMs >= 5 * everyMs && {
              uplinkBps: noisy(world.uplinkBps, 0.03),
              rttMs: noisy(world.rttMs, 0.02),
            }),
          },
          nowMs,
        );
        const looked = planner.look(conditionsAt(runTime, nowMs), true, nowMs);
        if (looked.changed) own.push(nowMs - fromMs);
        const truth = estimate(
          profile,
          { ...good, ...world, downlinkBps: world.uplinkBps, deviceFactor: world.device, serverFactor: world.server },
          looked.state.plan,
        );
        if (truth.latency.p95 > 70) broken = nowMs - fromMs;
      }
      brokenAfterMs.push(broken);
    }
    return { changes, brokenAfterMs };
  }

  test.each([
    ["bandwidth falls twentyfold", { ...usual, uplinkBps: 1.2e6 }],
    ["the server slows tenfold", { ...usual, server: 10 }],
    ["the device slows threefold", { ...usual, device: 3 }],
  ])("%s: within three seconds the promise is kept again, by at most two changes", (_, world) => {
    for (const seed of [1, 2]) {
      const { changes, brokenAfterMs } = live([usual, world, usual], seed);
      expect(changes[0]!.length, "at the start").toBeLessThanOrEqual(2);
      for (const own of changes.slice(1)) expect(own.length, own.join()).toBeLessThanOrEqual(2);
      for (const brokenMs of brokenAfterMs.slice(1)) expect(brokenMs).toBeLessThan(3000);
    }
  });

  test("while conditions hold, nothing changes", () => {
    for (const seed of [4, 5]) {
      const { changes } = live([usual, usual, usual], seed);
      expect(changes.slice(1).flat()).toEqual([]);
    }
  });
});
