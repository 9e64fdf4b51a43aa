// sweep() against replaying one threshold after the other, and both against the exit rule.

import fc from "fast-check";
import { expect, test } from "vitest";
import { policyOutcome } from "../progressive/policy-outcome.ts";
import { NOT_ASKED } from "./design.ts";
import { sweep } from "./replay.ts";
import { compileSpace, emptySpace } from "./space.ts";
import { syntheticProfile } from "./synthetic-profile.ts";
import { recordTape } from "./tape.ts";

const level = fc.constantFrom(0, 0.2, 0.4, 0.5, 0.6, 0.8, 1);

test("property: a sweep is many replays", () => {
  fc.assert(
    fc.property(
      fc.nat(1e6),
      fc.array(fc.oneof(level, fc.constant(NOT_ASKED)), { minLength: 4, maxLength: 4 }),
      fc.nat(3),
      fc.uniqueArray(level, { minLength: 1 }),
      fc.nat(5),
      (seed, thresholds, exit, some, cut) => {
        const profile = syntheticProfile({ seed, exits: 4, cuts: 6, codecs: ["lz4"], images: 40 });
        const levels = some.toSorted((a, b) => a - b);
        const policies = levels.map((t) => thresholds.with(exit, t));
        const wanted = compileSpace(profile, { cuts: ({ id }) => id === profile.model.cuts[cut]!.id, policies });
        const swept = emptySpace(profile, wanted.pairs, policies);
        sweep(swept, thresholds, exit, levels, recordTape(profile, wanted.pairs[0]!, wanted.asked[0]!));
        for (const name of ["share", "sentMean", "accuracy", "deviceAccuracy", "bytes", "offloaded"] as const)
          wanted[name].forEach((value, i) => {
            expect(swept[name][i]).toBeCloseTo(value, 6);
          });
        wanted.sentVariance.forEach((value, i) => {
          expect(Math.abs(swept.sentVariance[i]! - value)).toBeLessThan(1e-6 * (1 + value));
        });
      },
    ),
  );
});

test("on the device alone it is what the calibration record says", () => {
  const profile = syntheticProfile({ seed: 2, exits: 4 });
  const policies = [0, 0.5, 0.8, 1, [0.9, 0.3, 0.5, 0.7]];
  const space = compileSpace(profile, { cuts: ({ id }) => id === "none", policies });
  policies.forEach((thresholds, d) => {
    const { top1, exitRates } = policyOutcome(profile.model.record, thresholds, [0, 0, 0, 1]);
    expect(space.accuracy[d]).toBe(top1);
    expect(space.deviceAccuracy[d]).toBe(top1);
    expect([...space.share.subarray(4 * d, 4 * d + 4)]).toEqual(exitRates);
    expect(space.offloaded[d]).toBe(0);
  });
});
