// The rivals: each does what its paper says, and no better than it knows.

import { expect, test } from "vitest";
import type { Plan } from "./design.ts";
import { estimate } from "./estimate.ts";
import { type PolicyName, planWith, policies, policySpace } from "./policies.ts";
import type { Profile } from "./profile.ts";
import type { Sla } from "./sla.ts";
import { syntheticProfile } from "./synthetic-profile.ts";

const profile = syntheticProfile({ seed: 11, images: 300, codecs: ["float32", "lz4", "rans", "image"] });
const exits = 7;
const link = { uplinkBps: 8e6, downlinkBps: 8e6, rttMs: 20 };
const fast: Sla = { prefer: [{ aim: "min", metric: "latency.mean" }] };

function planOf(name: PolicyName, conditions = link, sla: Sla = fast, from: Profile = profile): Plan {
  return planWith(policies[name], policySpace(policies[name], from)!, conditions, sla);
}
const latencyOf = (plan: Plan, conditions = link): number => estimate(profile, conditions, plan).latency.mean;
const early = ({ thresholds }: Plan): readonly number[] => thresholds.slice(0, -1);

test("without exits means without exits", () => {
  for (const name of ["device-only", "server-only", "server-only-image", "neurosurgeon", "spinn-no-exits"] as const) {
    const plan = planOf(name);
    expect(early(plan).every((t) => t > 1)).toBe(true);
    expect(estimate(profile, link, plan).exitRates.at(-1)).toBe(1);
  }
});

test("device only and server only stay where they are", () => {
  expect(planOf("device-only").cut).toBe("none");
  expect(planOf("device-only-exits").cut).toBe("none");
  expect(planOf("server-only")).toMatchObject({ cut: "input" });
  expect(planOf("server-only-exits").cut).toBe("input");
  expect(planOf("server-only-image")).toMatchObject({ cut: "input", codec: "image" });
});

test("without an image codec there is no server-only-image", () => {
  expect(policySpace(policies["server-only-image"], syntheticProfile({ seed: 1 }))).toBeUndefined();
});

test("Neurosurgeon: the best split by brute force, for latency or energy, whatever else is asked", () => {
  for (const metric of ["latency.mean", "energy"] as const) {
    const sla: Sla = { require: [{ metric: "server-cost", op: "<=", value: 0 }], prefer: [{ aim: "min", metric }] };
    const read = (plan: Plan): number => {
      const expected = estimate(profile, link, plan);
      return metric === "energy" ? expected.energy : expected.latency.mean;
    };
    const { thresholds } = planOf("neurosurgeon");
    const all = profile.model.cuts.flatMap(({ id, codecs }) => {
      const names = id === "none" ? ["none"] : codecs.map(({ codec }) => codec).filter((c) => /float32|lz4/.test(c));
      return names.map((codec) => read({ cut: id, thresholds, codec }));
    });
    expect(read(planOf("neurosurgeon", link, sla))).toBeCloseTo(Math.min(...all), 6);
  }
});

test("Edgent: one exit for all, the most accurate that keeps the bound, blind for the server's load", () => {
  const bound = 60;
  const sla: Sla = { require: [{ metric: "latency.p95", op: "<=", value: bound }] };
  const plan = planOf("edgent", link, sla);
  expect(plan.thresholds.filter((t) => t <= 1)).toEqual([0]);
  const expected = estimate(profile, link, plan);
  expect(expected.latency.mean).toBeLessThanOrEqual(bound);
  expect(Math.max(...expected.exitRates)).toBe(1);
  for (const { id, codecs } of profile.model.cuts)
    for (const codec of id === "none" ? ["none"] : codecs.map((c) => c.codec).filter((c) => /float32|lz4/.test(c)))
      for (let exit = 0; exit < exits; exit++) {
        const thresholds = Array.from({ length: exits }, (_, e) => (e === exit ? 0 : 2));
        const other = estimate(profile, link, { cut: id, thresholds, codec });
        if (other.latency.mean <= bound) expect(other.accuracy).toBeLessThanOrEqual(expected.accuracy);
      }
  expect(planOf("edgent", { ...link, serverFactor: 50 } as typeof link, sla)).toEqual(plan);
  const hopeless: Sla = { require: [{ metric: "latency.mean", op: "<=", value: 0.01 }] };
  expect(latencyOf(planOf("edgent", link, hopeless))).toBeCloseTo(latencyOf(planOf("edgent")), 0);
});

test("asked for throughput, the rivals do pursue it", () => {
  const sla: Sla = {
    require: [{ metric: "accuracy", op: ">=", value: 0.7 }],
    prefer: [{ aim: "max", metric: "throughput" }],
  };
  for (const name of ["neurosurgeon", "edgent"] as const) {
    const rate = (plan: Plan): number => estimate(profile, link, plan).throughput;
    expect(rate(planOf(name, link, sla))).toBeGreaterThan(rate(planOf(name)));
  }
  expect(estimate(profile, link, planOf("edgent", link, sla)).accuracy).toBeGreaterThanOrEqual(0.7);
});

test("SPINN: one threshold, the paper's cuts and codecs, means", () => {
  const sparse = new Set(profile.model.cuts.filter((cut) => cut.sparse).map(({ id }) => id));
  for (const uplinkBps of [1e5, 1e6, 8e6, 1e9]) {
    const plan = planOf("spinn", { ...link, uplinkBps });
    expect(new Set(plan.thresholds).size).toBe(1);
    expect(sparse.has(plan.cut)).toBe(true);
    expect(["float32", "lz4", "none"]).toContain(plan.codec);
  }
  // Two percentiles of one bound each become one bound on the mean, and the plan keeps the tighter one.
  const sla: Sla = {
    require: [
      { metric: "latency.p99", op: "<=", value: 90 },
      { metric: "latency.p50", op: "<=", value: 50 },
    ],
    prefer: [{ aim: "max", metric: "accuracy" }],
  };
  expect(latencyOf(planOf("spinn", link, sla))).toBeLessThanOrEqual(50);
});

test("nobody is better at what is asked than whoever has everything on", () => {
  const sla: Sla = {
    require: [{ metric: "accuracy", op: ">=", value: 0.7 }],
    prefer: [{ aim: "min", metric: "latency.mean" }],
  };
  for (const uplinkBps of [5e5, 4e6, 4e7]) {
    const conditions = { ...link, uplinkBps };
    const ours = latencyOf(planOf("ours", conditions, sla), conditions);
    for (const name of Object.keys(policies) as PolicyName[]) {
      const plan = planOf(name, conditions, sla);
      if (estimate(profile, conditions, plan).accuracy < 0.7) continue;
      expect(ours).toBeLessThanOrEqual(latencyOf(plan, conditions) + 1e-9);
    }
  }
});

test("every policy says where it comes from", () => {
  for (const policy of Object.values(policies)) expect(policy.source.length).toBeGreaterThan(20);
});

test("whoever has everything on may do without exits as well: weak ones that are sure of themselves cannot hold it back", () => {
  const { images, confidences, correct } = profile.model.record;
  // every early exit is certain, and always wrong
  const misled = {
    images,
    confidences: confidences.map((c, i) => (i % exits < exits - 1 ? 1 : c)),
    correct: correct.map((c, i) => (i % exits < exits - 1 ? 0 : c)),
  };
  const stay = profile.model.cuts.map((cut) => ({ ...cut, codecs: [] }));
  const from = { ...profile, model: { record: misled, cuts: stay } };
  const without = { ...from, device: { ...from.device, coding: stay.map(() => []) } };
  const local = { ...without, server: { ...without.server, coding: stay.map(() => []) } };
  const sla: Sla = { prefer: [{ aim: "max", metric: "accuracy" }] };
  const of = (name: PolicyName): number => estimate(local, link, planOf(name, link, sla, local)).accuracy;
  expect(of("spinn")).toBeLessThan(of("device-only"));
  expect(of("ours")).toBeCloseTo(of("device-only"), 9);
});
