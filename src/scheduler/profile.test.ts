// A profile that contradicts itself is found out before anything is planned with it.

import { expect, test } from "vitest";
import { type CodecProfile, checkProfile, type Profile } from "./profile.ts";
import { compileSpace } from "./space.ts";
import { syntheticProfile } from "./synthetic-profile.ts";

const good = syntheticProfile({ seed: 1, exits: 3, cuts: 5, images: 20 });
const { model, device } = good;
const [input, middle] = model.cuts;

test("one that fits", () => {
  expect(() => checkProfile(good)).not.toThrow();
});

const cuts = (...changed: Profile["model"]["cuts"]): Profile => ({
  ...good,
  model: { ...model, cuts: [...changed, ...model.cuts.slice(changed.length)] },
});
const [codec, other] = middle!.codecs as [CodecProfile, CodecProfile];

test.each<[string, Profile, RegExp]>([
  ["no images", { ...good, model: { ...model, record: { ...model.record, images: 0 } } }, /record of the unsplit/],
  [
    "a short record",
    { ...good, model: { ...model, record: { ...model.record, correct: new Uint8Array(3) } } },
    /record/,
  ],
  ["exits before the input", cuts({ ...input!, exitsBefore: 1 }), /list of cuts/],
  ["exits that vanish", cuts(input!, { ...middle!, exitsBefore: 2 }), /number of exits before relu_2/],
  [
    "a codec's short record",
    cuts(input!, { ...middle!, codecs: [{ ...codec, record: { ...codec.record, images: 19 } }, other] }),
    /float32 at relu_1/,
  ],
  [
    "negative bytes",
    cuts(input!, { ...middle!, codecs: [{ ...codec, bytes: Array(20).fill(-1) }, other] }),
    /float32 at relu_1/,
  ],
  ["a missing step", { ...good, device: { ...device, steps: device.steps.slice(1) } }, /device's steps/],
  ["a missing head", { ...good, server: { ...good.server, heads: [] } }, /server's heads/],
  [
    "a missing codec's time",
    { ...good, device: { ...device, coding: [[], [], [], [], []] } },
    /device's time for codecs/,
  ],
  [
    "time that runs back",
    { ...good, device: { ...device, steps: device.steps.map(() => ({ meanMs: -1, spreadMs: 0 })) } },
    /time of the device/,
  ],
])("%s", (_, profile, message) => {
  expect(() => checkProfile(profile)).toThrow(RangeError);
  expect(() => checkProfile(profile)).toThrow(message);
});

test("nothing to choose from", () => {
  expect(() => compileSpace(good, { cuts: () => false })).toThrow(/nothing to choose/);
  expect(() => compileSpace(good, { policies: [] })).toThrow(/nothing to choose/);
});
