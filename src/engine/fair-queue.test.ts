// Shares between clients, urgency within them, and nobody forgotten.

import fc from "fast-check";
import { expect, test } from "vitest";
import { FairQueue, type Waiting } from "./fair-queue.ts";

const NEVER = Number.POSITIVE_INFINITY;
const item = (client: string, cost = 1, deadlineAtMs = NEVER): Waiting => ({ client, cost, deadlineAtMs });

function takeAll(queue: FairQueue<Waiting>): Waiting[] {
  const taken: Waiting[] = [];
  for (let one = queue.take(); one; one = queue.take()) taken.push(one);
  return taken;
}

test("one client's items come in the order of their deadlines, and of equal ones as they came", () => {
  const queue = new FairQueue<Waiting>();
  const [a, b, c, d] = [item("a"), item("a", 1, 30), item("a", 1, 20), item("a", 1, 30)];
  for (const one of [a, b, c, d]) queue.push(one);
  expect(takeAll(queue)).toEqual([c, b, d, a]);
  expect(queue.length).toBe(0);
});

test("who asks for much does not keep the others waiting", () => {
  const queue = new FairQueue<Waiting>();
  for (let i = 0; i < 20; i++) queue.push(item("greedy"));
  queue.take();
  queue.push(item("modest"));
  expect(queue.take()?.client).toBe("modest");
  expect(queue.take()?.client).toBe("greedy");
});

test("clients that were away have saved nothing", () => {
  const queue = new FairQueue<Waiting>();
  for (let i = 0; i < 100; i++) queue.push(item("busy"));
  for (let i = 0; i < 50; i++) queue.take();
  for (let i = 0; i < 50; i++) queue.push(item("back"));
  const next = Array.from({ length: 20 }, () => queue.take()!.client);
  expect(next.filter((client) => client === "back").length).toBeLessThanOrEqual(11);
});

test("leaving for a moment does not clear what one has had", () => {
  const queue = new FairQueue<Waiting>();
  queue.push(item("dear", 10));
  queue.push(item("cheap"));
  queue.push(item("cheap"));
  expect([queue.take()?.client, queue.take()?.client]).toEqual(["dear", "cheap"]);
  queue.push(item("dear", 10));
  for (let i = 0; i < 5; i++) queue.push(item("cheap"));
  expect(takeAll(queue).findIndex(({ client }) => client === "dear")).toBeGreaterThan(3);
});

test("an item can be taken back, once", () => {
  const queue = new FairQueue<Waiting>();
  const [a, b] = [item("a"), item("a")];
  queue.push(a);
  queue.push(b);
  expect([queue.remove(a), queue.remove(a), queue.remove(item("b"))]).toEqual([true, false, false]);
  expect(queue.drain()).toEqual([b]);
  expect([queue.length, queue.take()]).toEqual([0, undefined]);
});

const arrivals = fc.array(
  fc.record({
    client: fc.constantFrom("a", "b", "c", "d"),
    cost: fc.double({ min: 0.1, max: 10, noNaN: true }),
    deadlineAtMs: fc.oneof(fc.constant(NEVER), fc.integer({ min: 0, max: 1000 })),
  }),
  { minLength: 1, maxLength: 80 },
);

test("while clients wait none is ahead of another by more than a few items, and each item comes out once", () => {
  fc.assert(
    fc.property(arrivals, (items) => {
      const queue = new FairQueue<Waiting>();
      for (const one of items) queue.push(one);
      const left = new Map<string, number>();
      for (const { client } of items) left.set(client, (left.get(client) ?? 0) + 1);
      const served = new Map([...left.keys()].map((client) => [client, 0]));
      const most = Math.max(...items.map(({ cost }) => cost));
      const seen = new Set<Waiting>();
      while (left.size > 0) {
        const { client, cost } = queue.take()!;
        served.set(client, served.get(client)! + cost);
        left.set(client, left.get(client)! - 1);
        // from here on this client asks for nothing: what it had is no longer compared
        if (left.get(client) === 0) left.delete(client);
        const waiting = [...left.keys()].map((name) => served.get(name)!);
        if (waiting.length > 1) expect(Math.max(...waiting) - Math.min(...waiting)).toBeLessThanOrEqual(8 * most);
      }
      for (const one of items) seen.add(one);
      expect(queue.take()).toBeUndefined();
    }),
  );
});

test("an item without a deadline is not overtaken for ever by urgent ones", () => {
  const queue = new FairQueue<Waiting>();
  queue.push(item("patient"));
  let turns = 0;
  for (; turns < 100; turns++) {
    for (const client of ["x", "y", "z"]) queue.push(item(client, 1, turns));
    if (queue.take()!.client === "patient") break;
  }
  expect(turns).toBeLessThan(10);
});

test("what comes before a newcomer: of others no more than it asks for itself", () => {
  const queue = new FairQueue<Waiting>();
  for (let i = 0; i < 20; i++) queue.push(item("greedy", 2));
  queue.push(item("modest", 3));
  expect(queue.costBefore("new", 2)).toBe(2 + 2);
  expect(queue.costBefore("modest", 3)).toBe(3 + 6);
  expect(queue.costBefore("greedy", 2)).toBe(40 + 3);
  const taken = takeAll(queue);
  expect(taken).toHaveLength(21);
  expect(queue.costBefore("new", 2)).toBe(0);
});

test("clients that may not be served now wait for when they may", () => {
  const queue = new FairQueue<Waiting>();
  queue.push(item("a", 1, 10));
  queue.push(item("b", 1, 20));
  expect(queue.take((client) => client === "b")?.client).toBe("b");
  expect(queue.take((client) => client === "b")).toBeUndefined();
  expect(queue.take()?.client).toBe("a");
});
