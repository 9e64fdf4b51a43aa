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
  places.take("b");
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
  places.take("a");
  expect(places.held("a")).toBe(1);
});
