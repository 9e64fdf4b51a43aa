// Keeps a plan whose cut or codec is `auto` up with the times: what is learned from every result, and which plan is best by it.
// Pure functions over plain data.

import type { InferenceResult, LinkStatus, NetworkInfo, Plan } from "../engine/index.ts";
import { isConfident } from "../progressive/exit-policy.ts";
import { type Conditions, type CutCost, type CutProfile, rankCuts } from "./choose-cut.ts";

/** What is known of device and server. */
export interface Learned {
  readonly profile: CutProfile;
  /** Server time over device time of the same slices. */
  readonly serverFactor: number;
  readonly serverQueueMs: number;
}

export interface AutoRequest {
  /** `auto`, or where to stay. */
  readonly cut: string;
  readonly thresholds: readonly number[];
  /** Of the images that stop at each exit, by `stopShares`. */
  readonly shares: readonly number[];
}

/** Of a link of which nothing was measured: a phone's. */
const ASSUMED_UPLINK_BPS = 10e6;
const ASSUMED_RTT_MS = 40;
/** Of a server that has not answered yet. */
const ASSUMED_SERVER_FACTOR = 0.25;
/** A plan has to be that much better to replace the current one. */
const GAIN = 0.05;
/** Of each new sample. */
const WEIGHT = 0.2;

export function nothingLearned(profile: CutProfile): Learned {
  return { profile, serverFactor: ASSUMED_SERVER_FACTOR, serverQueueMs: 0 };
}

/** What one more result tells: how fast the server is, and how small real images pack. */
export function learn(learned: Learned, { exits }: NetworkInfo, result: InferenceResult): Learned {
  const { profile } = learned;
  const { plan, timings, source, bytesUp, exit, confidence } = result;
  const cut = profile.cuts.find(({ id }) => id === plan.cut);
  if (!cut || source !== "server") return learned;
  const reached = isConfident(confidence, plan.thresholds[exit]!) ? exit : exits.length - 1;
  const deviceMs = profile.exitMs[reached]! - cut.deviceMs;
  const sample = deviceMs > 0 ? timings.serverMs / deviceMs : learned.serverFactor;
  return {
    profile: { ...profile, cuts: profile.cuts.map((one) => (one === cut ? withBytes(one, plan, bytesUp) : one)) },
    serverFactor: learned.serverFactor + WEIGHT * (sample - learned.serverFactor),
    serverQueueMs: learned.serverQueueMs + WEIGHT * (timings.serverQueueMs - learned.serverQueueMs),
  };
}

function withBytes(cut: CutCost, { codec, bits }: Plan, bytesUp: number): CutCost {
  const codecs = cut.codecs.map((one) =>
    one.codec === codec && one.bits === bits ? { ...one, bytes: one.bytes + WEIGHT * (bytesUp - one.bytes) } : one,
  );
  return { ...cut, codecs };
}

/** The plan to follow now; the current one when no other is clearly better. Codecs are those of the profile. */
export function adaptPlan(request: AutoRequest, learned: Learned, link: LinkStatus, current: Plan): Plan {
  const { cuts, exitMs } = learned.profile;
  const open = request.cut === "auto" ? cuts : cuts.filter(({ id }) => id === request.cut);
  const ranked = rankCuts({ cuts: open, exitMs }, request.shares, conditionsOf(learned, link));
  const best = ranked[0];
  const present = ranked.find(
    ({ cut, codec }) => cut === current.cut && (codec?.codec ?? current.codec) === current.codec,
  );
  if (!best || (present && best.expectedMs > (1 - GAIN) * present.expectedMs)) return current;
  const { codec = current.codec, bits = current.bits } = best.codec ?? {};
  return { cut: best.cut, thresholds: request.thresholds, codec, bits };
}

function conditionsOf({ serverFactor, serverQueueMs }: Learned, { uplinkBps, rttMs }: LinkStatus): Conditions {
  return { uplinkBps: uplinkBps ?? ASSUMED_UPLINK_BPS, rttMs: rttMs ?? ASSUMED_RTT_MS, serverFactor, serverQueueMs };
}
