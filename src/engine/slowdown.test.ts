// A slowed device takes what it should on average, whatever its sleep is worth.

import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import { Slowdown } from "./slowdown.ts";

/** A clock that only sleeping and working move; sleeps last as `sleeps` makes of them. */
function device(sleeps: (ms: number) => number) {
  let clock = 0;
  let slept = 0;
  const sleep = (ms: number): void => {
    slept++;
    clock += sleeps(ms);
  };
  const slowdown = new Slowdown({ now: () => clock, sleep });
  const work = async (ms: number, what = `${ms} ms`): Promise<number> => {
    const busy = (): void => {
      clock += ms;
    };
    return (await slowdown.perform(what, busy, { isRepeatable: false })).ms;
  };
  return { slowdown, work, slept: () => slept };
}

test("everything takes so many times as long, from the next piece of work on", async () => {
  const { slowdown, work, slept } = device((ms) => ms);
  expect(await work(2)).toBe(2);
  expect(slept()).toBe(0);
  slowdown.factor = 60;
  expect(await work(2)).toBe(120);
  slowdown.factor = 1;
  expect(await work(2)).toBe(2);
});

test("sleeps that are too long or too short are made up for", async () => {
  const rng = createRng(3);
  for (const sleeps of [(ms: number) => ms + rng(), (ms: number) => Math.ceil(ms), (ms: number) => Math.floor(ms)]) {
    const { slowdown, work } = device(sleeps);
    slowdown.factor = 4;
    let tookMs = 0;
    for (let i = 0; i < 1000; i++) tookMs += await work(0.3);
    expect(tookMs / 1000).toBeCloseTo(1.2, 1);
    expect(Math.abs(tookMs / 1000 - 1.2)).toBeLessThan(0.01);
  }
});

test("after a stop of the whole machine the device is soon slow again", async () => {
  let stoppedMs = 1000;
  const { slowdown, work } = device((ms) => {
    const sleptMs = ms + stoppedMs;
    stoppedMs = 0;
    return sleptMs;
  });
  slowdown.factor = 10;
  for (let i = 0; i < 4; i++) await work(1);
  expect(await work(1)).toBe(10);
});

test("what interrupts the machine is not multiplied", async () => {
  const { slowdown, work } = device((ms) => ms);
  slowdown.factor = 10;
  for (let i = 0; i < 5; i++) await work(1, "slice");
  expect(await work(8, "slice")).toBe(10);
  expect(await work(50, "slice")).toBe(50);
  expect(await work(1, "slice")).toBe(10);
  // work that has become slower for good is slower after a while
  for (let i = 0; i < 15; i++) await work(3, "slice");
  expect(await work(3, "slice")).toBe(30);
});

test("a factor below 1 is refused", () => {
  const { slowdown } = device((ms) => ms);
  for (const factor of [0.5, 0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => {
      slowdown.factor = factor;
    }).toThrow(RangeError);
});

test("the first times of some work, in cold caches, are not multiplied once it has been done again", async () => {
  const { slowdown, work } = device((ms) => ms);
  slowdown.factor = 10;
  expect(await work(5, "slice")).toBe(50);
  expect(await work(1, "slice")).toBe(10);
  expect(await work(5, "slice")).toBe(10);
});

/** Work that takes three times as long after every sleep. */
function coldDevice(factor: number) {
  let clock = 0;
  let runs = 0;
  let isCold = true;
  const sleep = (ms: number): void => {
    clock += ms;
    isCold = true;
  };
  const slowdown = new Slowdown({ now: () => clock, sleep });
  slowdown.factor = factor;
  const work = async (ms: number): Promise<number> => {
    const done = await slowdown.perform("slice", () => {
      clock += isCold ? 3 * ms : ms;
      isCold = false;
      return ++runs;
    });
    expect(done.value).toBeLessThanOrEqual(runs);
    return done.ms;
  };
  return { work, runs: () => runs };
}

test("what takes longer only because the device has slept is not multiplied, from the first time on", async () => {
  const { work, runs } = coldDevice(60);
  for (let i = 0; i < 200; i++) expect(await work(1)).toBe(60);
  // done again now and then, not every time
  expect(runs()).toBeLessThan(300);
});

test("a little slower a device leaves no time to do work again", async () => {
  const { work, runs } = coldDevice(2);
  for (let i = 0; i < 20; i++) expect(await work(1)).toBe(6);
  expect(runs()).toBe(20);
});
