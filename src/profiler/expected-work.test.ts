import { expect, test } from "vitest";
import { estimate, type Profile } from "../scheduler/index.ts";
import { syntheticProfile } from "../scheduler/synthetic-profile.ts";
import { expectedWork } from "./expected-work.ts";

const profile: Profile = syntheticProfile({ seed: 4, exits: 4, cuts: 9, images: 50 });
const link = { uplinkBps: 1e6, downlinkBps: 1e6, rttMs: 10 };

test("work is the scheduler's, for every cut, codec and set of exits that all images reach", () => {
  for (const { id, codecs, exitsBefore } of profile.model.cuts)
    for (const codec of id === "none" ? ["none"] : codecs.map((one) => one.codec))
      for (let reached = 0; reached < 4; reached++)
        for (const skipped of [-1, 1]) {
          // everybody goes on to this exit and stops there
          const thresholds = [0, 1, 2, 3].map((exit) => (exit === reached ? 0 : exit === skipped ? 2 : 1));
          const expected = estimate(profile, link, { cut: id, codec, thresholds });
          const isExact = thresholds.slice(0, reached).every((t) => t === 2) || expected.exitRates[reached] === 1;
          const work = expectedWork(profile, { cut: id, codec, thresholds, reached })!;
          if (!isExact) continue;
          expect(work.deviceMs + work.packMs).toBeCloseTo(expected.deviceCost, 6);
          expect(work.serverMs).toBeCloseTo(expected.serverCost, 6);
          expect(work.serverMs === 0).toBe(reached < exitsBefore);
        }
});

test("of ways that the profile does not know there is nothing to say", () => {
  expect(expectedWork(profile, { cut: "nowhere", codec: "lz4", thresholds: [1, 1, 1, 1], reached: 3 })).toBeUndefined();
  expect(expectedWork(profile, { cut: "input", codec: "zip", thresholds: [1, 1, 1, 1], reached: 3 })).toBeUndefined();
});
