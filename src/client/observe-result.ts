// What an answered inference tells of device and server: what it took over what the profile says.

import type { InferenceResult, NetworkInfo } from "../engine/index.ts";
import { codingName } from "../profiler/codings.ts";
import { type ExpectedWork, expectedWork } from "../profiler/expected-work.ts";
import type { Observation } from "../profiler/run-time-profile.ts";
import { isConfident } from "../progressive/exit-policy.ts";
import type { Profile } from "../scheduler/index.ts";

/** Nothing of a way that the profile does not know, or of an answer that came otherwise than planned. */
export function observe(network: NetworkInfo, profile: Profile, result: InferenceResult): Observation {
  const { plan, timings, source, fallbackReason } = result;
  const isAlone = fallbackReason === "no-connection";
  if (fallbackReason !== undefined && !isAlone) return {};
  const cut = isAlone ? "none" : plan.cut;
  const expected = expectedWork(profile, {
    cut,
    codec: cut === "none" ? "none" : codingName(plan),
    thresholds: plan.thresholds,
    reached: reachedExit(network, result),
  });
  if (!expected) return {};
  return {
    ...besides(timings),
    ...deviceFactors(expected, result),
    ...(source === "server" && {
      serverFactor: timings.serverMs / expected.serverMs,
      serverQueueMs: timings.serverQueueMs,
    }),
  };
}

/** Computing and packing apart: they need not be off by the same factor. */
function deviceFactors({ deviceMs, packMs }: ExpectedWork, { timings, source, plan }: InferenceResult): Observation {
  return {
    ...(deviceMs > 0 && { deviceFactor: timings.deviceMs / deviceMs }),
    // of an answer from here nothing was packed, or in vain
    ...(source === "server" && { packingFactor: timings.packMs / packMs, work: `${plan.cut} ${codingName(plan)}` }),
  };
}

/** Preparing the image, and what is between the parts that a profile knows; waiting for other images is no part of it. */
function besides({ totalMs, ...parts }: InferenceResult["timings"]): Observation {
  const { deviceQueueMs, deviceMs, packMs, sendQueueMs, serverQueueMs, serverMs, networkMs } = parts;
  const known = deviceQueueMs + deviceMs + packMs + sendQueueMs + serverQueueMs + serverMs + networkMs;
  return totalMs > known ? { prepareMs: totalMs - known } : {};
}

/** Whoever answers without being sure has seen the end. */
function reachedExit({ exits }: NetworkInfo, { exit, confidence, plan }: InferenceResult): number {
  return isConfident(confidence, plan.thresholds[exit]!) ? exit : exits.length - 1;
}
