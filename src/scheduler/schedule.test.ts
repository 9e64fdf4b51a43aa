// schedule() against brute force: every design evaluated image by image, every rule of the choice written down once more.

import fc from "fast-check";
import { expect, test } from "vitest";
import { decide } from "../progressive/exit-policy.ts";
import type { Conditions } from "./conditions.ts";
import { type Design, NOT_ASKED } from "./design.ts";
import { estimate } from "./estimate.ts";
import { type Metric, metrics } from "./metrics.ts";
import type { Profile, Timing } from "./profile.ts";
import { schedule } from "./schedule.ts";
import { type Constraint, checkSla, flawOf, type Sla, type Target } from "./sla.ts";
import { compileSpace } from "./space.ts";
import { syntheticProfile } from "./synthetic-profile.ts";

type Values = { readonly [M in Metric]: number };

/** The normal distribution by its series, which needs no approximation's constants. */
function phi(z: number): number {
  if (z < -8) return 0;
  if (z > 8) return 1;
  let sum = z;
  let term = z;
  for (let k = 3; Math.abs(term) > 1e-16 * Math.abs(sum); k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

function bruteValues(profile: Profile, conditions: Conditions, design: Design): Values {
  const { model, device, server } = profile;
  const { images } = model.record;
  const exits = device.heads.length;
  const c = model.cuts.findIndex(({ id }) => id === design.cut);
  const { exitsBefore, codecs } = model.cuts[c]!;
  const k = codecs.findIndex(({ codec }) => codec === design.codec);
  const thresholds = design.thresholds as readonly number[];
  const { uplinkBps, downlinkBps, rttMs, jitterMs = 0, deviceFactor = 1, serverFactor = 1 } = conditions;
  const { deviceSpread = 0, serverSpread = 0, serverQueueMs = 0, serverFailureProbability: p = 0.1 } = conditions;
  const power = conditions.power!;
  const replyMs = (64 * 8000) / downlinkBps;
  const total = (times: readonly Timing[]): [number, number] => [
    times.reduce((sum, t) => sum + t.meanMs, 0),
    times.reduce((sum, t) => sum + t.spreadMs ** 2, 0),
  ];
  const sums = { latency: 0, device: 0, server: 0, bytes: 0, energy: 0, right: 0, robust: 0 };
  const groups = new Map<number, { times: number[]; variance: number }>();
  for (let i = 0; i < images; i++) {
    const says = (exit: number): { confidence: number; right: number } => {
      const own = exit < exitsBefore || k < 0;
      const record = own ? model.record : codecs[k]!.record;
      const j = own ? i * exits + exit : i * (exits - exitsBefore) + exit - exitsBefore;
      return { confidence: record.confidences[j]!, right: record.correct[j]! };
    };
    const asks = (exit: number): boolean => thresholds[exit]! <= 1 || exit === exits - 1;
    const asked = Array.from({ length: exits }, (_, exit) => exit).filter(asks);
    const asking = asked.map((exit) => says(exit).confidence);
    const course = decide(
      asking,
      asked.map((exit) => thresholds[exit]!),
    );
    const [answering, reached] = [asked[course.exit]!, asked[course.reached]!];
    const right = says(answering).right;
    const local = reached < exitsBefore;
    const place = model.cuts.findIndex((cut) => cut.exitsBefore > reached);
    const heads = asked.filter((exit) => exit <= reached);
    const [deviceMean, deviceVariance] = total([
      ...device.steps.slice(0, local ? place : c),
      ...heads.filter((exit) => exit < exitsBefore).map((exit) => device.heads[exit]!),
      ...(local ? [] : [device.coding[c]![k]!]),
    ]);
    const [serverMean, serverVariance] = local
      ? [0, 0]
      : total([
          ...server.steps.slice(c, place),
          ...heads.filter((exit) => exit >= exitsBefore).map((exit) => server.heads[exit]!),
          server.coding[c]![k]!,
        ]);
    const deviceMs = deviceFactor * deviceMean;
    const serverMs = serverFactor * serverMean;
    const bytes = local ? 0 : codecs[k]!.bytes[i]!;
    const upMs = (bytes * 8000) / uplinkBps;
    const tripMs = local ? 0 : rttMs + serverQueueMs + replyMs;
    let variance = deviceFactor ** 2 * deviceVariance + (deviceMs * deviceSpread) ** 2;
    if (!local) {
      variance += serverFactor ** 2 * serverVariance + (serverMs * serverSpread) ** 2;
      variance += jitterMs ** 2 + serverQueueMs ** 2;
    }
    const latency = deviceMs + serverMs + upMs + tripMs;
    const group = groups.get(reached) ?? { times: [], variance };
    group.times.push(latency);
    groups.set(reached, group);
    const onDevice = asked.filter((exit) => exit < exitsBefore).map(says);
    const best = onDevice.reduce((a, b) => (b.confidence >= a.confidence ? b : a), { confidence: -1, right: 0 });
    sums.latency += latency;
    sums.device += deviceMs;
    sums.server += serverMs;
    sums.bytes += bytes;
    sums.right += right;
    sums.robust += (1 - p) * right + p * (local ? right : best.right);
    const upW = power.uplinkW + (power.uplinkWPerMbps * uplinkBps) / 1e6;
    const downW = power.downlinkW + (power.downlinkWPerMbps * downlinkBps) / 1e6;
    const waiting = local ? 0 : power.waitW * (rttMs + serverQueueMs + serverMs) + downW * replyMs;
    sums.energy += power.computeW * deviceMs + upW * upMs + waiting;
  }
  const mixture = [...groups.values()].map(({ times, variance }) => {
    const mean = times.reduce((a, b) => a + b) / times.length;
    const among = times.reduce((a, b) => a + (b - mean) ** 2, 0) / times.length;
    return { weight: times.length / images, mean, sd: Math.sqrt(variance + among) };
  });
  const percentile = (q: number): number => {
    let [low, high] = [0, 1e9];
    for (let step = 0; step < 100; step++) {
      const ms = (low + high) / 2;
      const below = mixture.reduce((sum, { weight, mean, sd }) => sum + weight * phi((ms - mean) / sd), 0);
      if (below < q) low = ms;
      else high = ms;
    }
    return high;
  };
  return {
    "latency.mean": sums.latency / images,
    get "latency.p50"() {
      return percentile(0.5);
    },
    get "latency.p95"() {
      return percentile(0.95);
    },
    get "latency.p99"() {
      return percentile(0.99);
    },
    throughput: 1000 / Math.max(sums.device / images, sums.server / images, (sums.bytes / images) * (8000 / uplinkBps)),
    "server-cost": sums.server / images,
    "device-cost": sums.device / images,
    energy: sums.energy / images,
    accuracy: sums.right / images,
    bytes: sums.bytes / images,
    robustness: sums.robust / images,
  };
}

interface Brute {
  readonly values: Values;
  readonly relaxed: readonly number[];
  readonly feasible: number;
}

const isShare = (metric: Metric): boolean => metric === "accuracy" || metric === "robustness";
const almost = (a: number): number => 1e-9 * Math.abs(a);

function bruteChoice(all: readonly Values[], { require = [], prefer = [] }: Sla): Brute {
  const relaxed: number[] = [];
  let left = [...all];
  for (const [i, { metric, op, value }] of require.entries()) {
    const keeps = left.filter((one) => (op === "<=" ? one[metric] <= value : one[metric] >= value));
    if (keeps.length > 0) {
      left = keeps;
      continue;
    }
    relaxed.push(i);
    const values = left.map((one) => one[metric]);
    const nearest = op === "<=" ? Math.min(...values) : Math.max(...values);
    const room = (isShare(metric) ? 0.002 : 0.01 * nearest) + almost(nearest);
    left = left.filter((one) => Math.abs(one[metric] - nearest) <= room);
  }
  const feasible = left.length;
  const targets: Target[] = [...prefer, { aim: "max", metric: "accuracy" }, { aim: "min", metric: "latency.mean" }];
  for (const [i, target] of targets.entries()) {
    const { metric, aim, tolerance } = target;
    const cost = (one: Values): number => {
      if (aim === "value") return Math.abs(one[metric] - target.value);
      return aim === "min" ? one[metric] : -one[metric];
    };
    const best = left.reduce((a, b) => (cost(b) < cost(a) ? b : a));
    const scale = aim === "value" ? target.value : best[metric];
    const given = isShare(metric) ? (tolerance ?? 0.002) : (tolerance ?? 0.01) * scale;
    const least = cost(best);
    const room = (i < prefer.length - 1 ? given : 0) + almost(best[metric]);
    left = left.filter((one) => cost(one) <= least + room);
  }
  return { values: left[0]!, relaxed, feasible };
}

const metric = fc.constantFrom(...(Object.keys(metrics) as Metric[]));
const factor = fc.double({ min: 0.7, max: 1.4, noNaN: true });
/** Of what some design reaches, so that bounds cut through the space and not past it. */
const asked = fc.record({ metric, factor, design: fc.nat(1e6), upper: fc.boolean() });
const wished = fc.record({
  metric,
  factor,
  design: fc.nat(1e6),
  aim: fc.constantFrom("min" as const, "max" as const, "value" as const),
  tolerance: fc.option(fc.double({ min: 0.001, max: 0.3, noNaN: true }), { nil: undefined }),
});

const problem = fc.record({
  seed: fc.nat(1e6),
  exits: fc.integer({ min: 1, max: 4 }),
  cuts: fc.integer({ min: 5, max: 7 }),
  codecs: fc.subarray(["float32", "lz4", "rans"], { minLength: 1 }),
  shared: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
  single: fc.array(fc.array(fc.constantFrom(0, 0.3, 0.5, 0.7, 0.9, 1, NOT_ASKED), { minLength: 4, maxLength: 4 }), {
    maxLength: 3,
  }),
  conditions: fc.record({
    uplinkBps: fc.double({ min: 1e5, max: 1e9, noNaN: true }),
    downlinkBps: fc.constantFrom(1e6, 1e8),
    rttMs: fc.double({ min: 0, max: 100, noNaN: true }),
    jitterMs: fc.constantFrom(0, 3),
    deviceFactor: fc.constantFrom(0.3, 1, 4),
    deviceSpread: fc.constantFrom(0, 0.1),
    serverFactor: fc.constantFrom(1, 10),
    serverSpread: fc.constantFrom(0, 0.2),
    serverQueueMs: fc.constantFrom(0, 5),
    serverFailureProbability: fc.constantFrom(0, 0.1, 0.5),
    power: fc.record({
      computeW: fc.constantFrom(1, 5),
      waitW: fc.constantFrom(0, 1),
      uplinkW: fc.constantFrom(0.1, 1),
      uplinkWPerMbps: fc.constantFrom(0.1, 0.5),
      downlinkW: fc.constant(1),
      downlinkWPerMbps: fc.constant(0.1),
    }),
  }),
  asked: fc.array(asked, { maxLength: 4 }),
  wished: fc.array(wished, { maxLength: 3 }),
});

test("property: the choice is that of brute force", () => {
  let relaxations = 0;
  fc.assert(
    fc.property(problem, ({ seed, exits, cuts, codecs, shared, single, conditions, ...wants }) => {
      // With 31 images no percentile falls between two exits, where it could be anything between them.
      const profile = syntheticProfile({ seed, exits, cuts, codecs, images: 31 });
      const lists = [...shared.map((t) => Array<number>(exits).fill(t)), ...single.map((list) => list.slice(-exits))];
      const designs = profile.model.cuts.flatMap(({ id, codecs: at }): Design[] => {
        const names = id === "none" ? ["none"] : at.map(({ codec }) => codec);
        return names.flatMap((codec) => lists.map((thresholds) => ({ cut: id, thresholds, codec })));
      });
      const all = designs.map((design) => bruteValues(profile, conditions, design));
      const bound = (one: { metric: Metric; design: number; factor: number }): number => {
        const value = all[one.design % all.length]![one.metric] * one.factor;
        return isShare(one.metric) ? Math.min(1, value) : value;
      };
      const sla = {
        require: wants.asked.map(
          (one): Constraint => ({ metric: one.metric, op: one.upper ? "<=" : ">=", value: bound(one) }),
        ),
        prefer: wants.wished.map(({ tolerance, ...one }): Target => {
          const given = tolerance === undefined ? {} : { tolerance };
          if (one.aim !== "value") return { aim: one.aim, metric: one.metric, ...given };
          return { aim: "value", metric: one.metric, value: bound(one), ...given };
        }),
      };
      fc.pre(flawOf(sla) === undefined);
      const found = schedule(compileSpace(profile, { policies: lists }), conditions, sla, { perExit: false });
      const wanted = bruteChoice(all, sla);
      expect(found.designs).toBe(all.length);
      expect(found.relaxed.map(({ wanted }) => wanted)).toEqual(wanted.relaxed.map((i) => sla.require[i]!.value));
      expect(found.excluded.reduce((sum, { count }) => sum + count, 0)).toBe(all.length - wanted.feasible);
      const chosen = bruteValues(profile, conditions, found.plan);
      for (const name of Object.keys(metrics) as Metric[]) {
        // what the scheduler says of its plan, and what brute force says of its own
        const said = metrics[name].read(found.expected);
        expect(Math.abs(said - chosen[name])).toBeLessThanOrEqual(1e-6 * chosen[name] + 1e-9);
      }
      for (const { metric } of [...sla.prefer, { metric: "accuracy" }, { metric: "latency.mean" }] as const)
        expect(Math.abs(chosen[metric] - wanted.values[metric])).toBeLessThanOrEqual(
          1e-6 * wanted.values[metric] + 1e-9,
        );
      relaxations += wanted.relaxed.length;
    }),
    { numRuns: 1000, seed: 7 },
  );
  expect(relaxations).toBeGreaterThan(50);
});

const link = { uplinkBps: 24e6, downlinkBps: 24e6, rttMs: 40 };
const profile = syntheticProfile({ seed: 3 });
const space = compileSpace(profile);

test("a constraint that cannot be met is met as nearly as possible, after those before it", () => {
  const sla: Sla = {
    require: [
      { metric: "accuracy", op: ">=", value: 0.6 },
      { metric: "latency.p95", op: "<=", value: 1 },
    ],
    prefer: [{ aim: "min", metric: "server-cost" }],
  };
  const { relaxed, expected, excluded } = schedule(space, link, sla, { perExit: false });
  expect(relaxed).toEqual([{ constraint: "latency.p95 <= 1ms", wanted: 1, got: expected.latency.p95 }]);
  expect(expected.accuracy).toBeGreaterThanOrEqual(0.6);
  expect(excluded.map(({ constraint }) => constraint)).toEqual(["accuracy >= 0.6", "latency.p95 <= 1ms"]);
  const { require = [] } = sla;
  const onlyAccuracy: Sla = { require: require.slice(0, 1), prefer: [{ aim: "min", metric: "latency.p95" }] };
  const fastest = schedule(space, link, onlyAccuracy, { perExit: false });
  expect(expected.latency.p95).toBeLessThanOrEqual(1.02 * fastest.expected.latency.p95);
  // the other way round the bound on latency leaves hardly any accuracy
  const reversed = schedule(space, link, { ...sla, require: require.toReversed() }, { perExit: false });
  expect(reversed.expected.latency.p95).toBeLessThan(expected.latency.p95);
  expect(reversed.relaxed.map(({ constraint }) => constraint)).toEqual(["latency.p95 <= 1ms", "accuracy >= 0.6"]);
});

test("runners-up are other ways, the best first, and no better than the plan", () => {
  const sla: Sla = { prefer: [{ aim: "min", metric: "latency.p95" }] };
  const { plan, expected, runnersUp } = schedule(space, link, sla, { perExit: false, runnersUp: 4 });
  const p95 = [expected, ...runnersUp.map((one) => one.expected)].map(({ latency }) => latency.p95);
  expect(p95).toEqual(p95.toSorted((a, b) => a - b));
  const ways = [plan, ...runnersUp.map((one) => one.plan)].map(({ cut, codec }) => `${cut} ${codec}`);
  expect(new Set(ways).size).toBe(5);
});

test("a threshold for each exit is at least as good, and keeps what must hold", () => {
  const sla: Sla = {
    require: [{ metric: "accuracy", op: ">=", value: 0.7 }],
    prefer: [{ aim: "min", metric: "latency.mean" }],
  };
  let better = 0;
  for (let seed = 0; seed < 8; seed++) {
    const one = withBoaster(syntheticProfile({ seed, images: 2000 }));
    const conditions = { ...link, deviceFactor: 1 + (seed % 3) };
    const local = compileSpace(one, { cuts: ({ id }) => id === "none" });
    const shared = schedule(local, conditions, sla, { perExit: false });
    const own = schedule(local, conditions, sla);
    expect(own.expected.latency.mean).toBeLessThanOrEqual(shared.expected.latency.mean);
    expect(own.expected.accuracy).toBeGreaterThanOrEqual(0.7);
    expect(own.expected).toEqual(estimate(one, conditions, own.plan));
    expect(own.designs).toBeGreaterThan(shared.designs);
    if (own.expected.latency.mean < 0.99 * shared.expected.latency.mean) better++;
  }
  expect(better).toBeGreaterThanOrEqual(6);
});

/** Its second exit is surer of itself than it should be: one threshold for all has to be high because of it. */
function withBoaster(profile: Profile): Profile {
  const { record } = profile.model;
  const confidences = record.confidences.map((c, i) => (i % 7 === 1 ? 0.6 + 0.4 * c : c));
  return { ...profile, model: { ...profile.model, record: { ...record, confidences } } };
}

test("thresholds that were fitted keep their promise on other images, too", () => {
  const sla: Sla = {
    require: [{ metric: "accuracy", op: ">=", value: 0.7 }],
    prefer: [{ aim: "min", metric: "latency.mean" }],
  };
  // by each half for the other: that one of them is harder makes no difference then
  const losses = [1, 2, 3, 4, 5, 6].flatMap((seed) => {
    const all = withBoaster(syntheticProfile({ seed, images: 800 }));
    return ([0, 1] as const).map((half) => {
      const [known, others] = [halfOf(all, half), halfOf(all, half === 0 ? 1 : 0)];
      const space = compileSpace(known, { cuts: ({ id }) => id === "none" });
      return 0.7 - estimate(others, link, schedule(space, link, sla).plan).accuracy;
    });
  });
  expect(losses.reduce((sum, loss) => sum + loss, 0) / losses.length).toBeLessThan(0.01);
});

/** Of a network that stays on the device: every other image. */
function halfOf(profile: Profile, odd: 0 | 1): Profile {
  const { record, cuts } = profile.model;
  const isIn = (_: number, i: number): boolean => Math.floor(i / 7) % 2 === odd;
  const half = {
    images: record.images / 2,
    confidences: record.confidences.filter(isIn),
    correct: record.correct.filter(isIn),
  };
  const stay = ({ steps, heads }: Profile["device"]): Profile["device"] => {
    return { steps, heads, coding: cuts.map(() => []) };
  };
  const bare = cuts.map((cut) => ({ ...cut, codecs: [] }));
  return { model: { record: half, cuts: bare }, device: stay(profile.device), server: stay(profile.server) };
}

test("an exit that only costs is not asked", () => {
  const one = syntheticProfile({ seed: 1, exits: 3, cuts: 6, images: 300 });
  const costly = {
    ...one,
    device: { ...one.device, heads: one.device.heads.map(() => ({ meanMs: 50, spreadMs: 1 })) },
  };
  const local = compileSpace(costly, { cuts: ({ id }) => id === "none" });
  const sla: Sla = {
    require: [{ metric: "accuracy", op: ">=", value: 0.6 }],
    prefer: [{ aim: "min", metric: "device-cost" }],
  };
  const { plan, expected } = schedule(local, link, sla);
  expect(Math.max(...plan.thresholds)).toBe(NOT_ASKED);
  expect(expected.deviceCost).toBeLessThan(0.9 * schedule(local, link, sla, { perExit: false }).expected.deviceCost);
});

test("a plan is JSON and survives it", () => {
  const found = schedule(space, link, { prefer: [{ aim: "min", metric: "energy" }] });
  expect(JSON.parse(JSON.stringify(found))).toEqual(found);
  expect(found.plan.thresholds).toHaveLength(7);
});

test("nonsense in typed agreements is refused", () => {
  const refused = (sla: Sla): (() => unknown) => {
    return () => schedule(space, link, sla);
  };
  const twice: Constraint = { metric: "energy", op: "<=", value: 3 };
  expect(refused({ require: [twice, twice] })).toThrow("require[1]: energy has such a bound already");
  expect(refused({ require: [{ metric: "accuracy", op: ">=", value: 88 }] })).toThrow(/share of images/);
  expect(refused({ prefer: [{ aim: "min", metric: "energy", tolerance: 1 }] })).toThrow(/prefer\[0\].*tolerance/);
  expect(() => checkSla({ require: [twice, { ...twice, op: ">=", value: 2 }] })).not.toThrow();
  expect(() => checkSla({ require: [twice, { ...twice, op: ">=", value: 4 }] })).toThrow(/contradicts/);
});
