import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type InProcessCompute, openInProcessCompute } from "../../test/in-process-compute.ts";
import { colourDataset, toyProgressive } from "../../test/toy.ts";
import { hexOf } from "../hex.ts";
import { withMetadata } from "../progressive/metadata.ts";
import { checkProfile } from "../scheduler/index.ts";
import { fileSideStore } from "./file-side-store.ts";
import { measureProfile } from "./measure-profile.ts";
import { measureSide } from "./measure-side.ts";
import { profileModel } from "./profile-model.ts";
import { profileSide } from "./profile-side.ts";
import { median, missing, noSamples, type SideSamples } from "./side-samples.ts";

let folder = "";
let profiled: InProcessCompute;
let bare: InProcessCompute;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-side-"));
  const model = toyProgressive();
  const profile = await profileModel(model, colourDataset(20), { threads: 1 });
  profiled = await openInProcessCompute(withMetadata(model, { profile }));
  bare = await openInProcessCompute(model);
});
afterAll(async () => {
  await profiled.close();
  await bare.close();
  await rm(folder, { recursive: true, force: true });
});

const sum = (all: readonly { meanMs: number }[]): number => all.reduce((ms, { meanMs }) => ms + meanMs, 0);

test("every place, exit and codec is measured; what is slower takes longer", async () => {
  const profile = await measureProfile(profiled, { budgetMs: 20_000 });
  checkProfile(profile);
  const { cuts } = profile.model;
  const samples = await measureSide(profiled, cuts, { budgetMs: 20_000, rounds: 10 });
  expect(missing(samples, cuts, 1)).toBe(0);
  expect(Object.keys(samples.exits).sort()).toEqual(["0", "1", "2"]);
  for (const { id, codecs } of cuts)
    for (const { codec } of codecs) expect(samples.unpack[`${id} ${codec}`]!.length).toBeGreaterThan(0);
  expect(profile.device.coding.flat().every(({ meanMs }) => meanMs > 0)).toBe(true);
  profiled.setSlowdown(50);
  onTestFinished(() => profiled.setSlowdown(1));
  const slow = await measureSide(profiled, cuts, { budgetMs: 20_000, rounds: 5 });
  const whole = (one: SideSamples): number => median(one.prefix.none!);
  expect(whole(slow) / whole(samples)).toBeGreaterThan(10);
});

test("with no time at all there is still a profile", async () => {
  const profile = await measureProfile(profiled, { budgetMs: 0 });
  checkProfile(profile);
  expect(sum(profile.device.steps)).toBeGreaterThan(0);
});

test("without a stored profile what is sent is measured, and what is guessed is said", async () => {
  const warnings: string[] = [];
  const onWarning = (message: string): unknown => warnings.push(message);
  const profile = await measureProfile(bare, { budgetMs: 20_000, onWarning });
  checkProfile(profile);
  expect(warnings).toEqual([expect.stringMatching(/no profile.*nobody knows/)]);
  const { cuts } = profile.model;
  const [packed] = cuts[0]!.codecs.filter(({ codec }) => codec === "packed");
  // 8 bits of 3 x 8 x 8 values, and what is around them
  expect(packed!.bytes[0]).toBeGreaterThan(192);
  expect(packed!.bytes[0]).toBeLessThan(400);
  expect(cuts.flatMap(({ codecs }) => codecs.map(({ codec }) => codec))).not.toContain("rans/4");
});

test("a cut that the stored profile does not have is measured when it is asked for", async () => {
  const warnings: string[] = [];
  const odd = profiled.network.cuts.find(({ id }) => !profiled.network.profile!.cuts.some((cut) => cut.id === id))!;
  const options = { budgetMs: 20_000, cut: odd.id, onWarning: (message: string): unknown => warnings.push(message) };
  const profile = await measureProfile(profiled, options);
  expect(profile.model.cuts.find(({ id }) => id === odd.id)!.codecs.length).toBeGreaterThan(0);
  expect(warnings).toEqual([expect.stringContaining(odd.id)]);
});

test("it stops when it is told to", async () => {
  const { cuts } = (await measureProfile(profiled, { budgetMs: 0 })).model;
  const run = measureSide(profiled, cuts, { signal: AbortSignal.timeout(5), rounds: 1e6, budgetMs: 60_000 });
  await expect(run).rejects.toMatchObject({ code: "Aborted" });
});

test("what was measured is remembered under network and way of computing, and refined until there is enough", async () => {
  const { cuts } = (await measureProfile(profiled, { budgetMs: 0 })).model;
  const network = hexOf(profiled.network.modelHash);
  const store = fileSideStore(folder, { threads: 1 });
  const first = await profileSide(profiled, cuts, { budgetMs: 0, store });
  expect(await store.read(network)).toEqual(first);
  expect(await fileSideStore(folder, { threads: 2 }).read(network)).toBeUndefined();
  const second = await profileSide(profiled, cuts, { budgetMs: 20_000, store });
  expect(second.prefix.none!.length).toBeGreaterThan(first.prefix.none!.length);
  const enough: SideSamples = {
    ...second,
    pack: Object.fromEntries(Object.keys(second.pack).map((key) => [key, new Array(9).fill(1)])),
    prefix: Object.fromEntries(Object.keys(second.prefix).map((key) => [key, new Array(9).fill(1)])),
  };
  await store.write(network, enough);
  expect(await profileSide(profiled, cuts, { store })).toEqual(enough);
});

test("a damaged memory is as good as none, and one that cannot be written does no harm", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  const nowhere = fileSideStore(join(file, "below"), {});
  await nowhere.write("x", noSamples);
  expect(await nowhere.read("x")).toBeUndefined();
});
