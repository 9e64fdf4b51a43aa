// Which cut and codec give an answer soonest, on average, under the conditions of the moment. Pure arithmetic over plain data: what
// was measured of the network on this device, how sure its exits were on the calibration images, what is known of link and server.

import { type CodecCost, chooseCodec } from "../codec/should-compress.ts";
import type { NetworkInfo } from "../engine/network-info.ts";
import { decide } from "../progressive/exit-policy.ts";

/** The network as it runs on this device. */
export interface CutProfile {
  /** In graph order, `input` first, `none` last. */
  readonly cuts: readonly CutCost[];
  /** From the image to the answer of each exit, the final one last. Milliseconds. */
  readonly exitMs: readonly number[];
}

export interface CutCost {
  readonly id: string;
  readonly exitsBefore: number;
  /** From the image to here, exits on the way included. Milliseconds. */
  readonly deviceMs: number;
  /** What may carry it over the link; empty for `none`. */
  readonly codecs: readonly CodecCost[];
}

export interface Conditions {
  /** Towards the server. */
  readonly uplinkBps: number;
  readonly rttMs: number;
  /** Server time over device time of the same slices. */
  readonly serverFactor: number;
  readonly serverQueueMs: number;
}

export interface CutChoice {
  readonly cut: string;
  /** How to pack there; absent for `none`. */
  readonly codec?: CodecCost;
  readonly expectedMs: number;
}

/** Of all images, how many get to know each exit as their last; without a record all go to the end. */
export function stopShares({ calibration, exits }: NetworkInfo, thresholds: readonly number[]): number[] {
  const shares = exits.map((_, i) => (calibration || i < exits.length - 1 ? 0 : 1));
  if (!calibration) return shares;
  const { confidences, images } = calibration;
  for (let i = 0; i < confidences.length; i += exits.length)
    shares[decide(confidences.subarray(i, i + exits.length), thresholds).reached]! += 1 / images;
  return shares;
}

/**
 * Every cut of the profile with every codec it may have, soonest first.
 *
 * @param shares of the images that stop at each exit ({@link stopShares})
 */
export function rankCuts(profile: CutProfile, shares: readonly number[], conditions: Conditions): CutChoice[] {
  const choices = profile.cuts.flatMap((cut): CutChoice[] => {
    const { hereMs, goOn, serverMs } = expectAt(cut, profile, shares, conditions);
    if (cut.id === "none") return [{ cut: cut.id, expectedMs: hereMs }];
    const { uplinkBps: bitsPerSecond, rttMs, serverFactor, serverQueueMs } = conditions;
    return cut.codecs.map((codec) => {
      const sendMs = chooseCodec([codec], { bitsPerSecond, serverFactor }).expectedMs;
      return { cut: cut.id, codec, expectedMs: hereMs + goOn * (sendMs + rttMs + serverQueueMs) + serverMs };
    });
  });
  return choices.sort((a, b) => a.expectedMs - b.expectedMs);
}

/** Means over all images: time on the device, the share that goes on behind the cut, and computing time there. */
function expectAt(
  { exitsBefore, deviceMs }: CutCost,
  { exitMs }: CutProfile,
  shares: readonly number[],
  { serverFactor }: Conditions,
): { hereMs: number; goOn: number; serverMs: number } {
  let hereMs = 0;
  let goOn = 0;
  let serverMs = 0;
  for (const [exit, share] of shares.entries()) {
    if (exit < exitsBefore) hereMs += share * exitMs[exit]!;
    else {
      hereMs += share * deviceMs;
      goOn += share;
      serverMs += share * serverFactor * Math.max(0, exitMs[exit]! - deviceMs);
    }
  }
  return { hereMs, goOn, serverMs };
}
