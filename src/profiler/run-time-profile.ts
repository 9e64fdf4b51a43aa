// What link, device and server can do now (SPINN's profiler, at run time): measured times over profiled ones for either side,
// and what is known of the link, each believed less the older it is. A state machine without a clock: events in, conditions
// for the scheduler out.

import type { Conditions } from "../scheduler/conditions.ts";
import { median, spreadOf } from "./side-samples.ts";

/** Plain JSON. Times on any clock that does not go back, in milliseconds. */
export interface RunTimeProfile {
  readonly prepareMs: Track;
  readonly device: Track;
  /** Of packing, over what the device's factor makes one expect. */
  readonly packing: Track;
  readonly server: Track;
  readonly queueMs: Track;
  readonly uplinkBps: Track;
  readonly rttMs: Track;
}

/** One quantity as it was observed lately. */
export interface Track {
  /** The newest last. */
  readonly samples: readonly number[];
  readonly observedAtMs: number;
  /** How many there have been, forgotten ones included. */
  readonly count: number;
  /** What it usually is: where an old estimate goes back to. */
  readonly usual: number;
  /** What was done, where samples of one kind of work do not compare with those of another. */
  readonly work?: string;
}

/** What was observed; what was not is left out. */
export interface Observation {
  readonly prepareMs?: number;
  /** Measured over profiled time on the device. */
  readonly deviceFactor?: number;
  /** Likewise of packing with one codec at one cut; `work` says which. */
  readonly packingFactor?: number;
  readonly work?: string;
  readonly serverFactor?: number;
  readonly serverQueueMs?: number;
  /** The link as it is estimated from its last transfers. */
  readonly uplinkBps?: number;
  readonly rttMs?: number;
}

export interface Priors {
  /** @default 1 */
  readonly deviceFactor?: number;
  /** Of a server of which nothing is known, over the device's own profile. @default 0.25 */
  readonly serverFactor?: number;
  /** Of a link of which nothing was measured. @default 10 Mbit/s, a phone's */
  readonly uplinkBps?: number;
  /** @default 40 */
  readonly rttMs?: number;
}

/** So many samples are remembered … */
const REMEMBERED = 31;
/** … but when the last ones all say something else by such a ratio, only those count: the larger, the sooner. */
const RECENT = 5;
const JUMPS = [
  { inARow: 3, by: 2 },
  { inARow: RECENT, by: 1.25 },
] as const;
/** What something usually is has been seen by so many samples. */
const LEARNED = 10;
/** Beyond, a measurement is nonsense and not a slow device: a suspended process, a clock that was set. */
const LEAST = 1e-3;
const MOST = 1e3;
/** Likewise a terabit per second, or a wait of thirty years. */
const MOST_AMOUNT = 1e12;
/** An estimate is half forgotten after so long without a sample. */
const HALF_LIFE_MS = 60_000;
const QUEUE_HALF_LIFE_MS = 5000;

export function newRunTimeProfile(priors: Priors = {}): RunTimeProfile {
  const { deviceFactor = 1, serverFactor = 0.25, uplinkBps = 10e6, rttMs = 40 } = priors;
  return {
    prepareMs: unobserved(0),
    device: unobserved(deviceFactor),
    packing: unobserved(1),
    server: unobserved(serverFactor),
    queueMs: unobserved(0),
    uplinkBps: unobserved(uplinkBps),
    rttMs: unobserved(rttMs),
  };
}

function unobserved(usual: number): Track {
  return { samples: [], observedAtMs: 0, count: 0, usual };
}

/** The profile after an observation. What cannot be is ignored. */
export function observed(profile: RunTimeProfile, seen: Observation, nowMs: number): RunTimeProfile {
  const isFactor = (x: number | undefined): x is number => x !== undefined && x >= LEAST && x <= MOST;
  const isAmount = (x: number | undefined): x is number => x !== undefined && x >= 0 && x <= MOST_AMOUNT;
  const { prepareMs, deviceFactor, packingFactor, work, serverFactor, serverQueueMs, uplinkBps, rttMs } = seen;
  const device = isFactor(deviceFactor) ? withSample(profile.device, deviceFactor, nowMs) : profile.device;
  const beside = packingFactor === undefined ? undefined : packingFactor / valueAt(device, nowMs);
  return {
    prepareMs: isAmount(prepareMs)
      ? withSample(profile.prepareMs, Math.max(1e-3, prepareMs), nowMs)
      : profile.prepareMs,
    device,
    packing: isFactor(beside) ? packed(profile.packing, beside, work, nowMs) : profile.packing,
    server: isFactor(serverFactor) ? withSample(profile.server, serverFactor, nowMs) : profile.server,
    queueMs: isAmount(serverQueueMs) ? queued(profile.queueMs, serverQueueMs, nowMs) : profile.queueMs,
    uplinkBps: isAmount(uplinkBps) && uplinkBps > 0 ? replaced(profile.uplinkBps, uplinkBps, nowMs) : profile.uplinkBps,
    rttMs: isAmount(rttMs) ? replaced(profile.rttMs, rttMs, nowMs) : profile.rttMs,
  };
}

/** What the scheduler plans with. */
export function conditionsAt(profile: RunTimeProfile, nowMs: number): Conditions {
  const { prepareMs, device, packing, server, queueMs, uplinkBps, rttMs } = profile;
  const bps = valueAt(uplinkBps, nowMs);
  return {
    uplinkBps: bps,
    // answers are a few bytes: nobody can measure what they take
    downlinkBps: bps,
    rttMs: valueAt(rttMs, nowMs),
    prepareMs: prepareMs.samples.length === 0 ? 0 : typical(prepareMs.samples),
    deviceFactor: valueAt(device, nowMs) * drift(profile, nowMs),
    deviceSpread: relativeSpread(device),
    packingFactor: packing.usual,
    serverFactor: valueAt(server, nowMs),
    serverSpread: relativeSpread(server),
    serverQueueMs: mean(queueMs.samples) * trust(queueMs, nowMs, QUEUE_HALF_LIFE_MS),
  };
}

/** Was anything heard of it within the last `forMs`? */
export function isFresh({ samples, observedAtMs }: Track, nowMs: number, forMs: number): boolean {
  return samples.length > 0 && nowMs - observedAtMs <= forMs;
}

function withSample({ samples, usual, observedAtMs, count }: Track, sample: number, nowMs: number): Track {
  const all = [...samples.slice(1 - REMEMBERED), sample];
  const jump = JUMPS.find((one) => hasJumped(all, one));
  const kept = jump ? all.slice(-jump.inARow) : all;
  // what it usually is follows in minutes, once there is something to follow
  // what gets faster at first has only warmed up
  const isLearning = count < LEARNED && !(jump && typical(kept) > usual);
  const weight = isLearning ? 1 : 1 - 0.5 ** (Math.max(0, nowMs - observedAtMs) / (5 * HALF_LIFE_MS));
  return { samples: kept, observedAtMs: nowMs, count: count + 1, usual: usual * (typical(kept) / usual) ** weight };
}

/** Are the last ones all larger, or all smaller, by such a ratio than what was typical before? */
function hasJumped(samples: readonly number[], { inARow, by }: { inARow: number; by: number }): boolean {
  const before = samples.slice(0, -inARow);
  if (before.length < inARow) return false;
  const usual = typical(before);
  const recent = samples.slice(-inARow);
  return recent.every((one) => one > by * usual) || recent.every((one) => by * one < usual);
}

/** With other work it begins anew: what packing takes beside its profile depends on the images. */
function packed(track: Track, sample: number, work: string | undefined, nowMs: number): Track {
  const same = track.work === work ? track : unobserved(track.usual);
  return { ...withSample(same, sample, nowMs), ...(work !== undefined && { work }) };
}

/** A device that only packs tells by that how much slower it has become since it was seen computing. */
function drift({ device, packing }: RunTimeProfile, nowMs: number): number {
  if (packing.count < RECENT || device.observedAtMs >= packing.observedAtMs) return 1;
  return (typical(packing.samples) / packing.usual) ** trust(packing, nowMs, HALF_LIFE_MS);
}

/** Waits come and go: of those, the last few. */
function queued(track: Track, waitMs: number, nowMs: number): Track {
  return { ...track, samples: [...track.samples.slice(1 - 2 * RECENT), waitMs], observedAtMs: nowMs };
}

/** Of an estimate that is a moving one already. The same value again is no news of the link. */
function replaced(track: Track, value: number, nowMs: number): Track {
  if (track.samples[0] === value) return track;
  const weight = track.samples.length === 0 ? 1 : 0.02;
  const usual = track.usual * (Math.max(value, 1e-3) / track.usual) ** weight;
  return { samples: [value], observedAtMs: nowMs, count: track.count + 1, usual };
}

/** The last samples say it, and the less the older they are; in between, geometrically. */
function valueAt(track: Track, nowMs: number): number {
  const { samples, usual } = track;
  if (samples.length === 0) return usual;
  const now = Math.max(1e-3, typical(samples));
  return usual * (now / usual) ** trust(track, nowMs, HALF_LIFE_MS);
}

/** 1 for half a half-life, so that a moment's silence moves nothing; then it falls. */
function trust({ observedAtMs }: Track, nowMs: number, halfLifeMs: number): number {
  return 0.5 ** (Math.max(0, nowMs - observedAtMs - halfLifeMs / 2) / halfLifeMs);
}

/**
 * Of a few the least: who has not warmed up is slow. Else the mean of the middle half: where samples of two kinds take turns, a
 * median would jump from one to the other.
 */
function typical(samples: readonly number[]): number {
  if (samples.length < RECENT) return Math.min(...samples);
  const aside = samples.length >> 2;
  return mean(samples.toSorted((a, b) => a - b).slice(aside, samples.length - aside));
}

function relativeSpread({ samples }: Track): number {
  return samples.length < RECENT ? 0 : spreadOf(samples) / median(samples);
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
