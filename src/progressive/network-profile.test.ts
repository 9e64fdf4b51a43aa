import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { createRng } from "../random.ts";
import { readMetadata, withMetadata } from "./metadata.ts";
import { lastExits, type NetworkProfile, parseProfile, storeProfile } from "./network-profile.ts";
import type { ExitRecord } from "./policy-outcome.ts";

const rng = createRng(3);
const randomRecord = (images: number, exits: number): ExitRecord => ({
  images,
  // in steps that the file keeps exactly
  confidences: Float32Array.from({ length: images * exits }, () => Math.fround(Math.floor(rng() * 65_000) / 65_000)),
  correct: Uint8Array.from({ length: images * exits }, () => (rng() < 0.5 ? 1 : 0)),
});

function example(images = 9): NetworkProfile {
  const record = randomRecord(images, 3);
  const sizes = (scale: number): Float64Array =>
    Float64Array.from({ length: images }, () => Math.round(scale * rng()) + 1);
  return {
    network: "0123456789abcdef0123456789abcdef",
    dataset: "made up",
    seed: 7,
    record,
    cuts: [
      {
        id: "input",
        behind: 3,
        widths: [
          { bits: 32, record, codecs: [{ codec: "float32", bytes: new Float64Array(images).fill(12_378) }] },
          {
            bits: 8,
            record: randomRecord(images, 3),
            codecs: [
              { codec: "packed", bytes: new Float64Array(images).fill(3168) },
              { codec: "rans", bytes: sizes(60_000) },
            ],
          },
        ],
      },
      {
        id: "relu3",
        behind: 1,
        widths: [{ bits: 4, record: randomRecord(images, 1), codecs: [{ codec: "rans", bytes: sizes(900) }] }],
      },
    ],
  };
}

const reread = (profile: NetworkProfile): NetworkProfile =>
  parseProfile(JSON.parse(JSON.stringify(storeProfile(profile))), 3);

test("what is stored is read back", () => {
  const profile = example();
  expect(reread(profile)).toEqual(profile);
});

test("sizes beyond 16 bits are kept to within 1/65 535 of the largest", () => {
  const profile = example();
  const [cut] = profile.cuts;
  const large = Float64Array.of(1, 1e6, 3_000_000, 70_000, 5, 6, 7, 8, 9);
  const widths = [{ ...cut!.widths[0]!, codecs: [{ codec: "float32", bytes: large }] }];
  const [read] = reread({ ...profile, cuts: [{ ...cut!, widths }] }).cuts;
  for (const [i, bytes] of read!.widths[0]!.codecs[0]!.bytes.entries())
    expect(Math.abs(bytes - large[i]!)).toBeLessThanOrEqual(3_000_000 / 65_535);
});

test("the exits behind a cut that changes nothing are the unsplit network's last ones", () => {
  const record = {
    images: 2,
    confidences: Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6),
    correct: Uint8Array.of(1, 0, 1, 0, 1, 0),
  };
  expect(lastExits(record, 3, 2)).toEqual({
    images: 2,
    confidences: Float32Array.of(0.2, 0.3, 0.5, 0.6),
    correct: Uint8Array.of(0, 1, 1, 0),
  });
});

type Json = Record<string, unknown>;
const damage: Record<string, (json: Json) => void> = {
  "another network's name": (json) => Object.assign(json, { network: "0123" }),
  "no images": (json) => Object.assign(json, { images: 0 }),
  "more images than there are confidences": (json) => Object.assign(json, { images: 1e9 }),
  "no list of cuts": (json) => Object.assign(json, { cuts: {} }),
  "a cut twice": (json) => Object.assign(json, { cuts: [(json.cuts as Json[])[0], (json.cuts as Json[])[0]] }),
  "more exits behind a cut than there are": (json) => Object.assign((json.cuts as Json[])[0]!, { behind: 4 }),
  "another number of exits": (json) => Object.assign((json.cuts as Json[])[1]!, { behind: 2 }),
  "a width that does not exist": (json) =>
    Object.assign((json.cuts as { widths: Json[] }[])[0]!.widths[1]!, { bits: 9 }),
  "a record that is missing": (json) =>
    Object.assign((json.cuts as { widths: Json[] }[])[0]!.widths[1]!, { correct: undefined }),
  "bytes that are none": (json) =>
    Object.assign((json.cuts as { widths: { codecs: Json[] }[] }[])[1]!.widths[0]!.codecs[0]!, { bytes: -1 }),
  "too few bytes": (json) =>
    Object.assign((json.cuts as { widths: { codecs: Json[] }[] }[])[1]!.widths[0]!.codecs[0]!, {
      bytes: { unit: 1, multiples: "AAAA" },
    }),
  "a unit of 0": (json) =>
    Object.assign((json.cuts as { widths: { codecs: Json[] }[] }[])[1]!.widths[0]!.codecs[0]!, {
      bytes: { unit: 0, multiples: "AAAA" },
    }),
};

test.each(Object.entries(damage))("%s is refused as an invalid model", (_, harm) => {
  const json = JSON.parse(JSON.stringify(storeProfile(example())));
  harm(json);
  expect(() => parseProfile(json, 3)).toThrow(expect.objectContaining({ code: "InvalidModel" }));
});

test("a new calibration ends a profile's validity; nothing else does", () => {
  const images = 9;
  const model = withMetadata(toyProgressive(), { profile: example(images) });
  expect(readMetadata(model)?.profile?.cuts).toHaveLength(2);
  expect(readMetadata(withMetadata(model, { labels: ["a", "b", "c"] }))?.profile).toBeDefined();
  const calibration = { dataset: "made up", temperatures: [1, 1, 1], ...randomRecord(images, 3) };
  expect(readMetadata(withMetadata(model, { calibration }))?.profile).toBeUndefined();
});
