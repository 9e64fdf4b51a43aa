import { beforeAll, describe, expect, test } from "vitest";
import { colourDataset, toyProgressive } from "../../test/toy.ts";
import { packState } from "../engine/boundary-packet.ts";
import { describeNetwork } from "../engine/network-info.ts";
import { openSlicedNetwork } from "../engine/open-sliced-network.ts";
import { stepsBetween } from "../engine/steps.ts";
import { recordOf } from "../generator/calibrate.ts";
import { collectLogits } from "../generator/collect-logits.ts";
import { preprocess } from "../image/index.ts";
import { readMetadata, withMetadata } from "../progressive/metadata.ts";
import type { NetworkProfile } from "../progressive/network-profile.ts";
import { createSession } from "../runtime/index.ts";
import { checkProfile } from "../scheduler/index.ts";
import { float32 } from "../tensor.ts";
import { imageOrder } from "./image-order.ts";
import { storedModelProfile } from "./model-profile.ts";
import { profileModel } from "./profile-model.ts";

const model = toyProgressive();
const dataset = colourDataset(60);
let profile: NetworkProfile;

beforeAll(async () => {
  profile = await profileModel(model, dataset, { images: 40, seed: 3, batchSize: 7, threads: 1 });
});

test("the unsplit network is recorded on the chosen images", async () => {
  const logits = await collectLogits(model, dataset, { threads: 1 });
  const all = recordOf(logits, [1, 1, 1]);
  expect(profile.record.images).toBe(40);
  imageOrder(60, 3)
    .subarray(0, 40)
    .forEach((image, i) => {
      for (let exit = 0; exit < 3; exit++) {
        expect(profile.record.confidences[3 * i + exit]).toBeCloseTo(all.confidences[3 * image + exit]!, 5);
        expect(profile.record.correct[3 * i + exit]).toBe(all.correct[3 * image + exit]);
      }
    });
});

test("every cut and codec: what arrives at the server, and what that took, is what the engine does", async () => {
  const info = describeNetwork(model);
  const network = await openSlicedNetwork(model, { createSession });
  const image = imageOrder(60, 3)[11]!;
  const values = preprocess(await dataset.pixels(image), info.preprocessing!);
  const silent = info.exits.map(() => 2);
  expect(profile.cuts.map(({ id }) => id)).toEqual(
    info.cuts
      .filter(({ id, sparse }) => id !== "none" && (sparse || info.exits.some(({ at }) => at === id)))
      .map(({ id }) => id),
  );
  for (const { id, behind, widths } of profile.cuts) {
    const start = { cut: "input", tensors: { [info.input.name]: float32(values, info.input.shape) }, portable: true };
    const [step] = stepsBetween(info, "input", id, silent);
    const state = step ? (await network.run(start, step, true)).state : start;
    for (const { bits, codecs, record } of widths) {
      expect(record.confidences).toHaveLength(40 * behind);
      for (const { codec, bytes } of codecs) {
        const packet = packState(info, state, { codec: codec as "lz4", bits });
        const around = bytes[11]! - packet.length;
        // a message's header names cut and thresholds
        expect(around, `${codec} at ${id}`).toBeGreaterThan(20);
        expect(around).toBeLessThan(60);
      }
    }
  }
  await network.release();
});

test("a width of 32 bits changes nothing, fewer bits change more", () => {
  const error = (bits: number): number => {
    const { behind, widths } = profile.cuts[1]!;
    const { record } = widths.find((width) => width.bits === bits)!;
    const exits = profile.record.confidences.length / 40;
    return record.confidences.reduce((sum, confidence, at) => {
      const plain = profile.record.confidences[Math.floor(at / behind) * exits + exits - behind + (at % behind)]!;
      return sum + Math.abs(confidence - plain);
    }, 0);
  };
  expect(error(32)).toBe(0);
  expect(error(8)).toBeGreaterThan(0);
  expect(error(4)).toBeGreaterThan(3 * error(8));
});

describe("stopping and going on", () => {
  test("in two parts the same as in one", async () => {
    const stop = new AbortController();
    const options = { images: 40, seed: 3, batchSize: 7, threads: 1 };
    const part = await profileModel(model, dataset, {
      ...options,
      signal: stop.signal,
      onProgress: ({ done }) => done >= 14 && stop.abort(),
    });
    expect(part.record.images).toBe(14);
    const stored = readMetadata(withMetadata(model, { profile: part }))!.profile!;
    let first = 0;
    const whole = await profileModel(model, dataset, {
      ...options,
      previous: stored,
      onProgress: ({ done }) => {
        first ||= done;
      },
    });
    expect(first).toBe(21);
    expect(whole.record.images).toBe(40);
    expect(whole.record.correct).toEqual(profile.record.correct);
    for (const [c, { widths }] of whole.cuts.entries())
      for (const [w, { codecs, record }] of widths.entries()) {
        expect(codecs).toEqual(profile.cuts[c]!.widths[w]!.codecs);
        for (const [i, confidence] of record.confidences.entries())
          expect(Math.abs(confidence - profile.cuts[c]!.widths[w]!.record.confidences[i]!)).toBeLessThan(1e-4);
      }
  });

  test("a profile of other images is not gone on with", async () => {
    const other = await profileModel(model, dataset, { images: 10, seed: 4, previous: profile, threads: 1 });
    expect(other.record.images).toBe(10);
    expect(other.seed).toBe(4);
  });

  test("stopped before the first image", async () => {
    const signal = AbortSignal.abort();
    await expect(profileModel(model, dataset, { images: 5, signal })).rejects.toMatchObject({ code: "Aborted" });
  });
});

test("in the model file it leaves the network's name alone, and is the scheduler's", () => {
  const before = describeNetwork(model);
  const network = describeNetwork(withMetadata(model, { profile }));
  expect(network.modelHash).toEqual(before.modelHash);
  const scheduled = storedModelProfile(network)!;
  const places = scheduled.cuts.length;
  const side = {
    steps: new Array(places - 1).fill({ meanMs: 1, spreadMs: 0 }),
    heads: network.exits.map(() => ({ meanMs: 0, spreadMs: 0 })),
    coding: scheduled.cuts.map(({ codecs }) => codecs.map(() => ({ meanMs: 0, spreadMs: 0 }))),
  };
  expect(() => checkProfile({ model: scheduled, device: side, server: side })).not.toThrow();
  expect(scheduled.cuts[0]!.codecs.map(({ codec }) => codec)).toEqual(["float32", "packed", "lz4", "rans", "rans/4"]);
});

test("a profile of another network in the file is as good as none; one that lies about cuts is refused", () => {
  const stranger = withMetadata(toyProgressive({ seed: 2 }), { profile });
  expect(describeNetwork(stranger).profile).toBeUndefined();
  const [first, ...rest] = profile.cuts;
  const lie = withMetadata(model, { profile: { ...profile, cuts: [{ ...first!, id: "nowhere" }, ...rest] } });
  expect(() => describeNetwork(lie)).toThrow(expect.objectContaining({ code: "InvalidModel" }));
});

test("what cannot be is refused", async () => {
  await expect(profileModel(model, dataset, { images: 61 })).rejects.toThrow(RangeError);
  await expect(profileModel(model, dataset, { cuts: ["none"] })).rejects.toThrow(RangeError);
  await expect(profileModel(model, dataset, { cuts: 0 })).rejects.toThrow(RangeError);
});
