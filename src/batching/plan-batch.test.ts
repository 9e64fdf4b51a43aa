// The plan by hand, and over random traffic: everybody arrives, urgent ones first, nobody runs twice at once.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type BatchRules, planBatch, type Waiting } from "./plan-batch.ts";

const NEVER = Number.POSITIVE_INFINITY;
const nobody: ReadonlySet<number> = new Set();

function waiting(id: number, at: number, more: Partial<Waiting> = {}): Waiting {
  return { id, at, slice: `from ${at}`, sinceMs: 0, deadlineAtMs: NEVER, needMs: 1, ...more };
}
const rules = (size: number): BatchRules => ({ size: () => size, maxWaitMs: 50 });

test("the furthest behind runs first, with whoever stands there", () => {
  const all = [waiting(1, 2), waiting(2, 0), waiting(3, 1), waiting(4, 0)];
  expect(planBatch(all, new Set([1, 2]), rules(4), 1)).toEqual({ batch: [2, 4], wave: new Set([1, 2, 4]) });
});

test("where company costs, one after the other is brought to the end", () => {
  const all = [waiting(1, 3), waiting(2, 0), waiting(3, 0)];
  expect(planBatch(all, new Set([1]), rules(1), 1)).toEqual({ batch: [1], wave: new Set([1]) });
  expect(planBatch(all.slice(1), new Set([1]), rules(1), 1)).toEqual({ batch: [2], wave: new Set([2]) });
});

test("a wave is no more than half of those who are here", () => {
  const all = [waiting(1, 0), waiting(2, 1), waiting(3, 2), waiting(4, 3), waiting(5, 4)];
  expect(planBatch(all, nobody, rules(32), 1)).toEqual({ batch: [1], wave: new Set([1, 2, 3]) });
  expect(planBatch(all, nobody, rules(2), 1).wave).toEqual(new Set([1, 2]));
});

test("who arrives behind a wave waits until half of it has left; who arrives ahead of it does not", () => {
  const wave = new Set([1, 2, 3]);
  const under = [waiting(1, 2), waiting(2, 2), waiting(3, 2)];
  const behind = planBatch([...under, waiting(4, 0)], wave, rules(4), 1);
  expect(behind).toEqual({ batch: [1, 2, 3], wave });
  const ahead = planBatch([...under, waiting(4, 2)], wave, rules(4), 1);
  expect(ahead.batch).toEqual([1, 2, 3, 4]);
  const newcomers = [4, 5, 6, 7, 8].map((id) => waiting(id, 0));
  const half = planBatch([...under.slice(1), ...newcomers], wave, rules(4), 1);
  expect(half).toEqual({ batch: [4, 5, 6, 7], wave: new Set([2, 3, 4, 5, 6, 7]) });
});

test("who has been held back for long enough is not any longer", () => {
  const all = [waiting(1, 5), waiting(2, 0, { sinceMs: 40 })];
  expect(planBatch(all, new Set([1, 2]), rules(4), 49).batch).toEqual([2]);
  expect(planBatch(all, new Set([1, 2]), rules(4), 51).batch).toEqual([1]);
});

test("who cannot wait goes first, of those the most urgent, with company", () => {
  const wave = new Set([1]);
  const late = waiting(2, 3, { deadlineAtMs: 11 });
  const later = waiting(3, 4, { deadlineAtMs: 11.5 });
  const same = waiting(4, 3, { slice: "from 3" });
  expect(planBatch([waiting(1, 0), later, late, same], wave, rules(1), 10).batch).toEqual([2]);
  expect(planBatch([waiting(1, 0), later, late, same], wave, rules(2), 10).batch).toEqual([2, 4]);
  expect(planBatch([waiting(1, 0), later, late, same], wave, rules(1), 0).batch).toEqual([1]);
});

interface Arrival {
  readonly tick: number;
  readonly at: number;
  readonly leaves: number;
  readonly deadline: number | undefined;
}
const traffic = fc.array(
  fc.record({
    tick: fc.integer({ min: 0, max: 60 }),
    at: fc.integer({ min: 0, max: 5 }),
    leaves: fc.integer({ min: 1, max: 6 }),
    deadline: fc.option(fc.integer({ min: 1, max: 2000 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 60 },
);

test("random traffic: every request leaves; batches are of one slice, of different requests, and not too large", () => {
  fc.assert(
    fc.property(
      traffic,
      fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 6, maxLength: 6 }),
      (arrivals, sizes) => {
        const size = (slice: string): number => sizes[Number(slice.slice(5))]!;
        const coming = arrivals.map((one, id) => ({ ...one, id }));
        let active: Waiting[] = [];
        let wave: ReadonlySet<number> = nobody;
        const lastStation = new Map(
          coming.map(({ id, at, leaves }: Arrival & { id: number }) => [id, Math.max(at + 1, leaves)]),
        );
        let done = 0;
        // each turn somebody moves on by one of at most six places
        for (let now = 0; now < 60 + 6 * arrivals.length; now++) {
          for (const { id, tick, at, deadline } of coming)
            if (tick === now)
              active.push(
                waiting(id, at, { sinceMs: now, deadlineAtMs: deadline === undefined ? NEVER : now + deadline }),
              );
          if (active.length === 0) continue;
          const plan = planBatch(active, wave, { size, maxWaitMs: 10 }, now);
          wave = plan.wave;
          const chosen = active.filter(({ id }) => plan.batch.includes(id));
          expect(chosen).toHaveLength(plan.batch.length);
          expect(new Set(chosen.map(({ slice }) => slice)).size).toBe(1);
          expect(chosen.length).toBeLessThanOrEqual(size(chosen[0]!.slice));
          const urgent = active
            .filter((one) => one.deadlineAtMs <= now + 1)
            .sort((a, b) => a.deadlineAtMs - b.deadlineAtMs);
          if (urgent.length > 0) expect(chosen.some((one) => one.deadlineAtMs === urgent[0]!.deadlineAtMs)).toBe(true);
          const moved = chosen.map((one) =>
            waiting(one.id, one.at + 1, { ...one, at: one.at + 1, slice: `from ${one.at + 1}`, sinceMs: now }),
          );
          const staying = moved.filter((one) => one.at < lastStation.get(one.id)!);
          done += moved.length - staying.length;
          active = [...active.filter(({ id }) => !plan.batch.includes(id)), ...staying];
        }
        expect(done).toBe(arrivals.length);
      },
    ),
  );
});

test("nobody starves: a request without a deadline gets through endless urgent ones", () => {
  let active = [waiting(0, 0)];
  let wave: ReadonlySet<number> = nobody;
  for (let now = 0; now < 3000; now++) {
    active.push(waiting(now + 1, 0, { sinceMs: now, deadlineAtMs: now + 2 }));
    const plan = planBatch(active, wave, rules(1), now);
    wave = plan.wave;
    if (plan.batch.includes(0)) {
      expect(now).toBeGreaterThan(100);
      return;
    }
    active = active.filter(({ id, deadlineAtMs }) => !plan.batch.includes(id) && deadlineAtMs > now);
  }
  expect.unreachable("it has been waiting for three seconds");
});

test("who yields runs when nobody else is there, and is company for nobody", () => {
  const all = [waiting(1, 0, { yields: true }), waiting(2, 3), waiting(3, 3, { yields: true })];
  expect(planBatch(all, new Set([1, 2, 3]), rules(4), 1).batch).toEqual([2]);
  const left = [waiting(1, 0, { yields: true }), waiting(3, 3, { yields: true })];
  expect(planBatch(left, new Set([1, 3]), rules(4), 1).batch).toEqual([1]);
});
