// Shares of a pool's places, by who has been there of late.

import { expect, test } from "vitest";
import { ClientPlaces } from "./client-places.ts";

const nobodyWaits = (): boolean => false;

test("a client that is alone may have all places, each of three a third, rounded up", () => {
  const places = new ClientPlaces();
  places.asked("a", 0);
  expect(places.share(8, 1, nobodyWaits)).toBe(8);
  places.asked("b", 10);
  places.asked("c", 20);
  expect(places.share(8, 30, nobodyWaits)).toBe(3);
  for (let i = 0; i < 30; i++) places.asked(`d${i}`, 40);
  expect(places.share(8, 40, nobodyWaits)).toBe(1);
});

test("who has asked for nothing for a second counts no more, unless a task is under way", () => {
  const places = new ClientPlaces();
  places.asked("a", 0);
  places.asked("b", 0);
  places.take("b", 1, 0);
  expect(places.share(8, 1000, nobodyWaits)).toBe(4);
  places.asked("c", 1100);
  expect(places.share(8, 1200, nobodyWaits)).toBe(4);
  expect([places.held("a"), places.held("b")]).toEqual([0, 1]);
  places.giveBack("b");
  expect(places.share(8, 1300, nobodyWaits)).toBe(8);
});

test("who waits for long is not forgotten", () => {
  const places = new ClientPlaces();
  places.asked("a", 0);
  expect(places.share(8, 9000, (name) => name === "a")).toBe(8);
  places.take("a", 1, 9000);
  expect(places.held("a")).toBe(1);
});

test("greedy is who has had more than four times what the others have had, and no longer when it has rested", () => {
  const places = new ClientPlaces();
  for (const name of ["a", "b", "c"]) places.asked(name, 0);
  for (let i = 0; i < 5; i++) places.take("a", 1, 0);
  for (const name of ["b", "c"]) places.take(name, 1, 0);
  expect(["a", "b", "c"].map((name) => places.isGreedy(name))).toEqual([true, false, false]);
  for (const name of ["b", "c"]) places.take(name, 1, 500);
  expect(places.isGreedy("a")).toBe(false);
});

test("a client is greedy beside others that ask for little, not when it is alone", () => {
  const places = new ClientPlaces();
  places.asked("a", 0);
  places.take("a", 9, 0);
  expect(places.isGreedy("a")).toBe(false);
  places.asked("b", 0);
  expect(places.isGreedy("a")).toBe(true);
  expect(places.isGreedy("b")).toBe(false);
});

test("what was had is compared rightly for as long as a server runs", () => {
  const places = new ClientPlaces();
  for (let nowMs = 0; nowMs < 3_600_000; nowMs += 250) {
    for (const [name, cost] of [
      ["a", 8],
      ["b", 1],
    ] as const) {
      places.asked(name, nowMs);
      places.take(name, cost, nowMs);
      places.giveBack(name);
    }
    places.share(8, nowMs, nobodyWaits);
  }
  expect(["a", "b"].map((name) => places.isGreedy(name))).toEqual([true, false]);
});
