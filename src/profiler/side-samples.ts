// What was measured of a network on one side, and the times that follow for the scheduler (SPINN's T_offline). Plain data and
// pure functions: who measures is measure-side.ts.

import type { NetworkInfo } from "../engine/network-info.ts";
import type { CutProfile, SideProfile, Timing } from "../scheduler/profile.ts";

/** Milliseconds, several of each kind; keys say of what. Plain JSON. */
export interface SideSamples {
  /** From the image to a place, no exit asked, by the place's id. */
  readonly prefix: Samples;
  /** With every exit asked, from the exit before (or the image) through this one, by the exit's number. */
  readonly exits: Samples;
  /** By cut and codec, `relu_9 lz4`. */
  readonly pack: Samples;
  readonly unpack: Samples;
  /** Not milliseconds but bytes: how long packets of the example are. */
  readonly bytes: Samples;
}

export type Samples = Readonly<Record<string, readonly number[]>>;

export const noSamples: SideSamples = { prefix: {}, exits: {}, pack: {}, unpack: {}, bytes: {} };

/** Of each kind the last ones are kept. */
const KEPT = 31;

export function withSample(samples: SideSamples, kind: keyof SideSamples, key: string, ms: number): SideSamples {
  return { ...samples, [kind]: { ...samples[kind], [key]: [...(samples[kind][key] ?? []).slice(1 - KEPT), ms] } };
}

/** How many places and codecs have fewer samples than `enough`. */
export function missing(samples: SideSamples, places: readonly CutProfile[], enough: number): number {
  const has = (all: readonly number[] | undefined): boolean => (all?.length ?? 0) >= enough;
  const lacking = places.filter(({ id, codecs }) => {
    const packs = codecs.every(({ codec }) => has(samples.pack[`${id} ${codec}`]));
    return !packs || (id !== "input" && !has(samples.prefix[id]));
  });
  return lacking.length;
}

/** @throws {RangeError} when it is not what was stored */
export function parseSamples(json: unknown): SideSamples {
  const isTimes = (all: unknown): boolean =>
    Array.isArray(all) && all.every((ms) => typeof ms === "number" && ms >= 0 && ms < Number.POSITIVE_INFINITY);
  const isSamples = (one: unknown): boolean =>
    typeof one === "object" && one !== null && Object.values(one).every(isTimes);
  const { prefix, exits, pack, unpack, bytes } = (json ?? {}) as Record<string, unknown>;
  if ([prefix, exits, pack, unpack, bytes].every(isSamples))
    return { prefix, exits, pack, unpack, bytes } as SideSamples;
  throw new RangeError("These are no samples of a side");
}

/**
 * Places that were not measured get what lies between their neighbours, by multiply-adds; codecs, what others take by size.
 *
 * @param places in graph order (`ModelProfile.cuts`)
 * @param role a device packs, a server unpacks
 * @throws {RangeError} when the whole network has not been measured
 */
export function sideProfileOf(
  network: NetworkInfo,
  places: readonly CutProfile[],
  samples: SideSamples,
  role: "device" | "server",
): SideProfile {
  const whole = samples.prefix.none;
  if (!whole?.length) throw new RangeError("The network as a whole has not been measured");
  const { onTheWayMs, stopMs } = prefixTimes(network, places, samples.prefix);
  const unsteady = spreadOf(whole) / median(whole);
  const steps = onTheWayMs.slice(1).map((ms, c): Timing => {
    const meanMs = ms - onTheWayMs[c]!;
    // independent spreads of all steps together make up that of the whole
    return { meanMs, spreadMs: unsteady * Math.sqrt(meanMs * onTheWayMs.at(-1)!) };
  });
  const both = [samples.pack, samples.unpack] as const;
  const coding = codingTimes(network, places, ...(role === "device" ? both : ([both[1], both[0]] as const)));
  return {
    steps,
    heads: headTimes(network, places, onTheWayMs, samples.exits),
    coding: coding.map((all, c) => all.map((one) => (role === "device" ? later(one, stopMs[c]!) : one))),
  };
}

function later({ meanMs, spreadMs }: Timing, byMs: number): Timing {
  return { meanMs: meanMs + byMs, spreadMs };
}

/**
 * When each place is passed, and how much longer it takes to stop there: what is to be packed has to be brought into the
 * layout of the network's own file. That is why to stop at a large tensor may take longer than to go on to a small one.
 */
function prefixTimes(
  network: NetworkInfo,
  places: readonly CutProfile[],
  prefix: Samples,
): { onTheWayMs: number[]; stopMs: number[] } {
  const macsAt = new Map(network.cuts.map(({ id, macsBefore }) => [id, macsBefore]));
  const known = places.flatMap(({ id }) => {
    const all = id === "input" ? [0] : (prefix[id] ?? []);
    return all.length > 0 ? [{ macs: macsAt.get(id)!, ms: typical(all) }] : [];
  });
  const measuredMs = places.map(({ id }) => {
    const macs = macsAt.get(id)!;
    const exact = prefix[id]?.length ? typical(prefix[id]) : undefined;
    const after = known.findIndex((one) => one.macs >= macs);
    const [a, b] = [known[Math.max(0, after - 1)]!, known[after]!];
    const share = b.macs > a.macs ? (macs - a.macs) / (b.macs - a.macs) : 1;
    return exact ?? a.ms + share * (b.ms - a.ms);
  });
  // computing does not run backwards
  const onTheWayMs = [...measuredMs];
  for (let c = onTheWayMs.length - 2; c >= 0; c--) onTheWayMs[c] = Math.min(onTheWayMs[c]!, onTheWayMs[c + 1]!);
  return { onTheWayMs, stopMs: measuredMs.map((ms, c) => ms - onTheWayMs[c]!) };
}

/** What asking adds: with the exit asked less without, on the way from the exit before. */
function headTimes(
  { exits }: NetworkInfo,
  places: readonly CutProfile[],
  onTheWayMs: readonly number[],
  measured: Samples,
): Timing[] {
  const at = (exit: number): number => {
    const place = exit < 0 ? 0 : places.findIndex(({ id }) => id === exits[exit]!.at);
    return onTheWayMs[place]!;
  };
  const found = exits.map((_, exit) => {
    const all = measured[exit] ?? [];
    return all.length > 0 ? Math.max(0, typical(all) - (at(exit) - at(exit - 1))) : undefined;
  });
  const usual = median(found.slice(0, -1).filter((ms) => ms !== undefined));
  // the final exit's head is the end of the network itself
  return found.map((ms, exit) => ({ meanMs: exit === exits.length - 1 ? 0 : (ms ?? usual), spreadMs: 0 }));
}

/**
 * What was measured often enough, is believed; what was measured seldom, as far as other cuts bear it out; for the rest, and to
 * judge that, time is taken to grow with size, for codecs of which nothing is known as for others, or as in the `opposite`
 * direction.
 */
function codingTimes(
  network: NetworkInfo,
  places: readonly CutProfile[],
  measured: Samples,
  opposite: Samples,
): Timing[][] {
  const bytesAt = new Map(network.cuts.map(({ id, bytes }) => [id, bytes]));
  const pointsOf = (samples: Samples, wanted?: string): Point[] =>
    places.flatMap(({ id, codecs }) =>
      codecs
        .filter(({ codec }) => wanted === undefined || codec === wanted)
        .flatMap(({ codec }) => (samples[`${id} ${codec}`] ?? []).map((ms) => ({ bytes: bytesAt.get(id)!, ms }))),
    );
  const lineOf = (codec: string): ((bytes: number) => number) => {
    const candidates = [pointsOf(measured, codec), pointsOf(opposite, codec), pointsOf(measured), pointsOf(opposite)];
    return robustLine(candidates.find((points) => points.length > 0) ?? []);
  };
  const lines = new Map(
    [...new Set(places.flatMap(({ codecs }) => codecs.map(({ codec }) => codec)))].map((codec) => [
      codec,
      lineOf(codec),
    ]),
  );
  return places.map(({ id, codecs }) =>
    codecs.map(({ codec }): Timing => {
      const all = measured[`${id} ${codec}`] ?? [];
      if (all.length >= OFTEN) return { meanMs: median(all), spreadMs: spreadOf(all) };
      const usual = lines.get(codec)!(bytesAt.get(id)!);
      const own = all.length > 0 ? Math.min(2 * usual, Math.max(usual / 2, typical(all))) : usual;
      return { meanMs: own, spreadMs: 0 };
    }),
  );
}

interface Point {
  readonly bytes: number;
  readonly ms: number;
}

/** So many samples speak for themselves. */
const OFTEN = 5;

/** Theil and Sen: the median of all slopes, so that up to a quarter of the points may be anywhere. Never below 0. */
function robustLine(points: readonly Point[]): (bytes: number) => number {
  const slopes: number[] = [];
  // of very many points some will do
  const stride = Math.ceil(points.length / 200);
  const some = points.filter((_, i) => i % stride === 0);
  some.forEach((a, i) => {
    for (const b of some.slice(i + 1)) if (a.bytes !== b.bytes) slopes.push((b.ms - a.ms) / (b.bytes - a.bytes));
  });
  const slope = Math.max(0, median(slopes));
  const base = median(points.map(({ bytes, ms }) => ms - slope * bytes));
  if (base >= 0) return (bytes) => base + slope * bytes;
  // too steep to be true: through 0 then
  const rate = median(points.map(({ bytes, ms }) => ms / bytes));
  return (bytes) => rate * bytes;
}

/** Of a few, the least: whatever else the machine does only adds. */
function typical(times: readonly number[]): number {
  return times.length < 3 ? Math.min(...times) : median(times);
}

/** 0 of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** A standard deviation that a few wild samples do not move: of normal ones, 1.4826 times the median deviation. */
export function spreadOf(values: readonly number[]): number {
  const middle = median(values);
  return 1.4826 * median(values.map((value) => Math.abs(value - middle)));
}
