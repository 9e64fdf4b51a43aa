// replan() over made-up time: steady while conditions hold, back to the promise soon after they change, in few steps.

import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import type { Conditions } from "./conditions.ts";
import { estimate } from "./estimate.ts";
import { haveMoved, type PlanState, type ReplanOptions, replan } from "./replan.ts";
import { schedule } from "./schedule.ts";
import type { Sla } from "./sla.ts";
import { parseSla } from "./sla-language.ts";
import { compileSpace } from "./space.ts";
import { syntheticProfile } from "./synthetic-profile.ts";

const profile = syntheticProfile({ seed: 5, images: 200, deviceMs: 80 });
const space = compileSpace(profile);
const calm: Conditions = { uplinkBps: 24e6, downlinkBps: 24e6, rttMs: 20, deviceFactor: 1, serverFactor: 1 };
const sla: Sla = parseSla({
  require: ["latency.p95 <= 90ms", "accuracy >= 70%"],
  prefer: ["min device-cost", "max accuracy"],
});
const options: ReplanOptions = { perExit: false, runnersUp: 0 };

type Numeric = "uplinkBps" | "rttMs" | "deviceFactor" | "serverFactor";

/** Conditions as a profiler sees them: a moving average of what is measured, with a noise of some percent. */
function* observe(
  truth: (ms: number) => Conditions,
  untilMs: number,
  noise: number,
  seed: number,
): Generator<{
  nowMs: number;
  seen: Conditions;
}> {
  const rng = createRng(seed);
  let seen = truth(0);
  for (let nowMs = 0; nowMs <= untilMs; nowMs += 100) {
    const now = truth(nowMs);
    const next = { ...seen };
    for (const name of ["uplinkBps", "rttMs", "deviceFactor", "serverFactor"] as const satisfies readonly Numeric[]) {
      const measured = now[name]! * (1 + noise * (2 * rng() - 1));
      next[name] = 0.7 * seen[name]! + 0.3 * measured;
    }
    seen = next;
    yield { nowMs, seen };
  }
}

function follow(truth: (ms: number) => Conditions, untilMs: number, noise: number, seed = 1) {
  const changes: number[] = [];
  let state: PlanState | undefined;
  for (const { nowMs, seen } of observe(truth, untilMs, noise, seed)) {
    const next = replan(space, sla, state, nowMs, seen, options);
    if (next.changed && state) changes.push(nowMs);
    state = next.state;
  }
  return { changes, state: state! };
}

/** Somewhere between a fast and a slow everything: often at the edge of what is required, often beyond it. */
const anywhere = (seed: number): Conditions => {
  const rng = createRng(seed);
  return { ...calm, uplinkBps: 1e6 * 40 ** rng(), serverFactor: 10 ** rng(), deviceFactor: 3 ** rng() };
};

test("no change while conditions hold, whatever they are: what is measured may flutter by 5 %", () => {
  for (let seed = 0; seed < 20; seed++) expect(follow(() => anywhere(seed), 20_000, 0.05, seed).changes).toEqual([]);
});

test("hardly any change in 20 s when it flutters by 20 %", () => {
  for (let seed = 0; seed < 20; seed++) {
    expect(follow(() => anywhere(seed), 20_000, 0.2, seed).changes.length).toBeLessThanOrEqual(3);
  }
});

const stepAtMs = 5000;
const steps: readonly [string, Partial<Conditions>][] = [
  ["bandwidth falls 20x", { uplinkBps: 24e6 / 20 }],
  ["the server slows 10x", { serverFactor: 10 }],
  ["the device slows 3x", { deviceFactor: 3 }],
];
test.each(steps)("%s: the promise is kept again within 3 s, in at most 2 changes", (_, change) => {
  const after = { ...calm, ...change };
  const truth = (ms: number): Conditions => (ms < stepAtMs ? calm : after);
  for (let seed = 0; seed < 5; seed++) {
    const { changes, state } = follow(truth, 20_000, 0.05, seed);
    expect(changes.length).toBeLessThanOrEqual(2);
    expect(changes.filter((ms) => ms < stepAtMs || ms > stepAtMs + 3000)).toEqual([]);
    const best = schedule(space, after, sla, options);
    const { latency, accuracy } = estimate(profile, after, state.plan);
    expect(best.relaxed).toEqual([]);
    expect(latency.p95).toBeLessThanOrEqual(90);
    expect(accuracy).toBeGreaterThanOrEqual(0.7);
  }
});

test("some of these steps do need another plan", () => {
  const needed = steps.filter(([, change]) => {
    const { plan } = schedule(space, calm, sla, options);
    return estimate(profile, { ...calm, ...change }, plan).latency.p95 > 90;
  });
  expect(needed.length).toBeGreaterThanOrEqual(2);
});

test("the reasons, one by one", () => {
  const first = replan(space, sla, undefined, 0, calm, options);
  expect(first).toMatchObject({ changed: true, why: { kind: "first" } });
  const steady = replan(space, sla, first.state, 100, { ...calm, uplinkBps: 24.9e6 }, options);
  expect(steady).toMatchObject({ changed: false, why: { kind: "steady" } });
  expect(steady.state).toEqual(first.state);

  const slow = { ...calm, serverFactor: 10 };
  const fresh = replan(space, sla, first.state, 500, slow, options);
  expect(fresh).toMatchObject({ changed: false, why: { kind: "dwelling" } });
  expect(fresh.state.seen).toBe(calm);
  const broken = replan(space, sla, fresh.state, 1000, slow, options);
  expect(broken).toMatchObject({ changed: true, why: { kind: "broken", constraint: "latency.p95 <= 90ms" } });

  const soon = replan(space, sla, broken.state, 3000, calm, options);
  expect(soon).toMatchObject({ changed: false, why: { kind: "dwelling" }, state: { pendingSinceMs: 3000 } });
  const away = replan(space, sla, soon.state, 3500, slow, options);
  expect(away).toMatchObject({ changed: false, why: { kind: "steady" } });
  expect(away.state.pendingSinceMs).toBeUndefined();
  const still = replan(space, sla, soon.state, 12_900, calm, options);
  expect(still).toMatchObject({ changed: false, why: { kind: "dwelling" } });
  const back = replan(space, sla, still.state, 13_000, calm, options);
  expect(back).toMatchObject({ changed: true, why: { kind: "better", metric: "device-cost" } });

  const kept = replan(space, sla, first.state, 5000, { ...calm, downlinkBps: 40e6 }, options);
  expect(kept).toMatchObject({ changed: false, why: { kind: "kept" } });
  expect(kept.state.seen.downlinkBps).toBe(40e6);
  expect(kept.state.changedAtMs).toBe(0);
});

test("a gain is taken after three seconds; after a broken promise it has to last for ten", () => {
  const waits = [undefined, 0].map((brokenAtMs) => {
    const poor = replan(space, sla, undefined, 0, { ...calm, serverFactor: 10 }, options).state;
    let state: PlanState = { ...poor, ...(brokenAtMs !== undefined && { brokenAtMs }) };
    for (let nowMs = 5000; nowMs < 40_000; nowMs += 100) {
      const next = replan(space, sla, state, nowMs, calm, options);
      if (next.changed) return nowMs - 5000;
      state = next.state;
    }
    return undefined;
  });
  expect(waits).toEqual([3000, 10_000]);
});

test("a slow drift is noticed, too", () => {
  let state: PlanState | undefined;
  let changes = 0;
  for (let nowMs = 0; nowMs < 200_000; nowMs += 1000) {
    const next = replan(space, sla, state, nowMs, { ...calm, serverFactor: 1.012 ** (nowMs / 1000) }, options);
    if (next.changed) changes++;
    state = next.state;
  }
  expect(changes).toBeGreaterThan(1);
});

test("with a margin where there is room for one, without where there is none", () => {
  const tight: Sla = { require: [{ metric: "latency.p95", op: "<=", value: 60 }], prefer: sla.prefer! };
  const { state } = replan(space, tight, undefined, 0, calm, options);
  expect(state.expected.latency.p95).toBeLessThanOrEqual(54);
  const fastest = schedule(space, calm, { prefer: [{ aim: "min", metric: "latency.p95" }] }, options);
  const least = fastest.expected.latency.p95;
  const hard: Sla = { require: [{ metric: "latency.p95", op: "<=", value: 1.05 * least }] };
  const close = replan(space, hard, undefined, 0, calm, options);
  expect(close.schedule?.relaxed).toEqual([]);
  expect(close.state.expected.latency.p95).toBeLessThanOrEqual(1.05 * least);
  const narrow: Sla = { require: [...hard.require!, { metric: "latency.p95", op: ">=", value: least }] };
  expect(replan(space, narrow, undefined, 0, calm, options).schedule?.relaxed).toEqual([]);
});

test("what counts as a move", () => {
  expect(haveMoved(calm, { ...calm, rttMs: 20.9 }, 0.05)).toBe(false);
  expect(haveMoved(calm, { ...calm, rttMs: 21.1 }, 0.05)).toBe(true);
  expect(haveMoved(calm, { ...calm, serverQueueMs: 0.4 }, 0.05)).toBe(false);
  expect(haveMoved(calm, { ...calm, serverQueueMs: 3 }, 0.05)).toBe(true);
  expect(haveMoved({ ...calm, rttMs: 0 }, { ...calm, rttMs: 0.01 }, 0.05)).toBe(false);
});
