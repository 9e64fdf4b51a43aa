import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { describeNetwork } from "../engine/network-info.ts";
import { createRng, normal } from "../random.ts";
import { chooseCuts } from "./choose-cuts.ts";
import { guessedModelProfile } from "./model-profile.ts";
import { missing, noSamples, parseSamples, type SideSamples, sideProfileOf, withSample } from "./side-samples.ts";

const network = describeNetwork(toyProgressive());
const places = guessedModelProfile(network, chooseCuts(network), () => 100).cuts;
const macs = new Map(network.cuts.map(({ id, macsBefore }) => [id, macsBefore]));
const bytes = new Map(network.cuts.map(({ id, bytes: size }) => [id, size]));
const total = macs.get("none")!;

/** A machine that takes 10 ms for the network, 1 ms for each exit, 2 ms for each kilobyte that is packed, half of it unpacked. */
function measured(rounds: number, noise: number, only: (id: string) => boolean = () => true): SideSamples {
  const rng = createRng(rounds);
  let samples = noSamples;
  const add = (kind: keyof SideSamples, key: string, ms: number): void => {
    samples = withSample(samples, kind, key, ms * Math.exp(noise * normal(rng)));
  };
  for (let round = 0; round < rounds; round++) {
    for (const { id, codecs } of places) {
      if (id !== "input" && (only(id) || id === "none")) add("prefix", id, (10 * macs.get(id)!) / total);
      if (only(id))
        for (const { codec } of codecs) {
          add("pack", `${id} ${codec}`, (2 * bytes.get(id)!) / 1000);
          add("unpack", `${id} ${codec}`, bytes.get(id)! / 1000);
        }
    }
    network.exits.forEach(({ at }, exit) => {
      const before = exit === 0 ? 0 : macs.get(network.exits[exit - 1]!.at)!;
      add("exits", String(exit), (10 * (macs.get(at)! - before)) / total + (at === "none" ? 0 : 1));
    });
  }
  return samples;
}

const sum = (all: readonly { meanMs: number }[]): number => all.reduce((ms, { meanMs }) => ms + meanMs, 0);

test("steps, heads and packing are what was measured", () => {
  for (const noise of [0, 0.1]) {
    const side = sideProfileOf(network, places, measured(15, noise), "device");
    const tolerance = 1 + 1e-9 + 3 * noise;
    expect(sum(side.steps)).toBeCloseTo(10, noise === 0 ? 6 : 0);
    side.steps.forEach(({ meanMs }, c) => {
      const want = (10 * (macs.get(places[c + 1]!.id)! - macs.get(places[c]!.id)!)) / total;
      expect(Math.abs(meanMs - want)).toBeLessThan(1e-6 + 10 * noise);
    });
    for (const { meanMs } of side.heads.slice(0, -1)) expect(Math.abs(meanMs - 1)).toBeLessThan(1e-6 + 10 * noise);
    expect(side.heads.at(-1)).toEqual({ meanMs: 0, spreadMs: 0 });
    side.coding.forEach((codecs, c) => {
      const want = (2 * bytes.get(places[c]!.id)!) / 1000;
      for (const { meanMs } of codecs) {
        expect(meanMs / want).toBeLessThan(tolerance);
        expect(meanMs / want).toBeGreaterThan(1 / tolerance);
      }
    });
  }
});

test("a server unpacks", () => {
  const server = sideProfileOf(network, places, measured(9, 0), "server");
  expect(server.coding[0]![0]!.meanMs).toBeCloseTo(bytes.get("input")! / 1000, 9);
});

test("what was not measured follows from its neighbours", () => {
  const side = sideProfileOf(
    network,
    places,
    measured(9, 0, (id) => id === "input" || id === "relu3"),
    "device",
  );
  side.steps.forEach(({ meanMs }, c) => {
    const want = (10 * (macs.get(places[c + 1]!.id)! - macs.get(places[c]!.id)!)) / total;
    expect(meanMs).toBeCloseTo(want, 6);
  });
  side.coding.forEach((codecs, c) => {
    for (const { meanMs } of codecs) expect(meanMs).toBeCloseTo((2 * bytes.get(places[c]!.id)!) / 1000, 6);
  });
});

test("a codec of which nothing is known is as its opposite, or as others", () => {
  const all = measured(9, 0);
  const without = (kind: "pack" | "unpack", codec: string): SideSamples => ({
    ...all,
    [kind]: Object.fromEntries(Object.entries(all[kind]).filter(([key]) => !key.endsWith(` ${codec}`))),
  });
  const at = places[0]!.codecs.findIndex(({ codec }) => codec === "rans");
  const size = bytes.get("input")! / 1000;
  expect(sideProfileOf(network, places, without("unpack", "rans"), "server").coding[0]![at]!.meanMs).toBeCloseTo(
    2 * size,
    6,
  );
  const nothing = { ...without("pack", "rans"), unpack: {} };
  expect(sideProfileOf(network, places, nothing, "device").coding[0]![at]!.meanMs).toBeCloseTo(2 * size, 6);
});

test("a few samples of which one is wild do little harm", () => {
  let samples = measured(2, 0);
  for (const kind of ["pack", "prefix"] as const)
    samples = withSample(samples, kind, kind === "pack" ? "relu2 lz4" : "relu2", 400);
  const clean = sideProfileOf(network, places, measured(2, 0), "device");
  const side = sideProfileOf(network, places, samples, "device");
  const at = places.findIndex(({ id }) => id === "relu2");
  const k = places[at]!.codecs.findIndex(({ codec }) => codec === "lz4");
  expect(side.coding[at]![k]!.meanMs).toBeLessThan(2.1 * clean.coding[at]![k]!.meanMs);
  expect(sum(side.steps)).toBeCloseTo(10, 6);
});

test("stopping at a large tensor may take longer than going on: that is packing's, and no step runs backwards", () => {
  let samples = measured(5, 0);
  for (let i = 0; i < 5; i++)
    samples = withSample({ ...samples, prefix: { ...samples.prefix, relu1: [] } }, "prefix", "relu1", 9);
  const side = sideProfileOf(network, places, samples, "device");
  const at = places.findIndex(({ id }) => id === "relu1");
  expect(side.steps.every(({ meanMs }) => meanMs >= 0)).toBe(true);
  expect(sum(side.steps)).toBeCloseTo(10, 6);
  const reached = sum(side.steps.slice(0, at));
  expect(reached + side.coding[at]![0]!.meanMs).toBeCloseTo(9 + (2 * bytes.get("relu1")!) / 1000, 6);
});

test("spreads of all steps make up the whole's", () => {
  const side = sideProfileOf(network, places, measured(31, 0.1), "device");
  const spread = Math.sqrt(side.steps.reduce((variance, { spreadMs }) => variance + spreadMs ** 2, 0));
  expect(spread / sum(side.steps)).toBeGreaterThan(0.04);
  expect(spread / sum(side.steps)).toBeLessThan(0.2);
});

test("what is missing is counted; without the whole network there is nothing to say", () => {
  expect(missing(noSamples, places, 1)).toBe(places.length);
  expect(missing(measured(3, 0), places, 3)).toBe(0);
  expect(missing(measured(3, 0), places, 4)).toBe(places.length);
  expect(() => sideProfileOf(network, places, noSamples, "device")).toThrow(RangeError);
});

test("samples survive a file; anything else is refused", () => {
  const samples = measured(2, 0.1);
  expect(parseSamples(JSON.parse(JSON.stringify(samples)))).toEqual(samples);
  for (const wrong of [null, 3, {}, { ...samples, pack: { x: [1, "2"] } }, { ...samples, prefix: { none: [-1] } }])
    expect(() => parseSamples(wrong)).toThrow(RangeError);
});
