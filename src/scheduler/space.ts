// All designs that a scheduler may choose from, with everything about them that does not depend on link and load: replayed
// once on the profiled images, kept in typed arrays (SPINN's profiler and scheduler: split x threshold).

import { isConfident, mostConfident, type Thresholds } from "../progressive/exit-policy.ts";
import { listThresholds, type Plan } from "./design.ts";
import { type CodecProfile, type CutProfile, checkProfile, type Profile } from "./profile.ts";

export interface SpaceOptions {
  /** Which cuts to offer. @default all that have a codec, and `none` */
  readonly cuts?: (cut: CutProfile) => boolean;
  /** Which codecs to offer, by name. @default all */
  readonly codecs?: (codec: string) => boolean;
  /** Which thresholds to offer. @default {@link defaultPolicies} */
  readonly policies?: readonly Thresholds[];
}

/** One cut with one codec. */
export interface Pair {
  /** Its number in the profile. */
  readonly cut: number;
  /** Its number at the cut; -1 at `none`. */
  readonly codec: number;
}

/** Every pair with every policy; of design `d` the policy is `d % policies.length`. Rows of exits lie at `d * exits`. */
export interface Space {
  readonly profile: Profile;
  /** Number of exits, the final one included. */
  readonly exits: number;
  readonly pairs: readonly Pair[];
  /** One threshold for each exit. */
  readonly policies: readonly (readonly number[])[];
  /** The different sets of exits that policies ask, as flags. */
  readonly asked: readonly (readonly boolean[])[];
  readonly designs: number;
  /** For each design, pair * asked.length + number of its set of exits. */
  readonly rowOf: Uint32Array;
  /** Share of images that stop at each exit; [designs, exits]. */
  readonly share: Float64Array;
  /** Of those that stop behind the cut, mean and variance of bytes sent; 0 before it; [designs, exits]. */
  readonly sentMean: Float64Array;
  readonly sentVariance: Float64Array;
  /** [designs] */
  readonly accuracy: Float64Array;
  /** Share of right answers when the server never answers. */
  readonly deviceAccuracy: Float64Array;
  /** Mean over all images. */
  readonly bytes: Float64Array;
  /** Share of images that are sent. */
  readonly offloaded: Float64Array;
}

/** One confidence for all exits, as the paper has it, from hasty to never satisfied. */
export const defaultPolicies: readonly number[] = [
  0, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 1,
];

/**
 * Replays every design. Takes about 10 ns for each design and image.
 *
 * @throws {RangeError} for a profile that does not fit itself, thresholds that do not fit the exits, or nothing to choose from
 */
export function compileSpace(profile: Profile, options: SpaceOptions = {}): Space {
  checkProfile(profile);
  const { images, confidences } = profile.model.record;
  const exits = confidences.length / images;
  const pairs = offered(profile, options);
  const policies = (options.policies ?? defaultPolicies).map((policy) => listThresholds(policy, exits));
  const designs = pairs.length * policies.length;
  if (designs === 0) throw new RangeError("There is nothing to choose from: no cut with a codec, or no thresholds");
  const { asked, setOf } = askedSets(policies);
  const space: Space = {
    ...{ profile, exits, pairs, policies, asked, designs },
    rowOf: new Uint32Array(designs),
    share: new Float64Array(designs * exits),
    sentMean: new Float64Array(designs * exits),
    sentVariance: new Float64Array(designs * exits),
    accuracy: new Float64Array(designs),
    deviceAccuracy: new Float64Array(designs),
    bytes: new Float64Array(designs),
    offloaded: new Float64Array(designs),
  };
  pairs.forEach((pair, p) => {
    const tapes = asked.map((flags) => record(profile, pair, flags));
    policies.forEach((thresholds, t) => {
      const d = p * policies.length + t;
      space.rowOf[d] = p * asked.length + setOf[t]!;
      replay(space, d, thresholds, tapes[setOf[t]!]!);
    });
  });
  return space;
}

/** Number `d` of the space as a plan. */
export function planOf(space: Space, d: number): Plan {
  const { cut, codec } = space.pairs[Math.floor(d / space.policies.length)]!;
  const { id, codecs } = space.profile.model.cuts[cut]!;
  return { cut: id, thresholds: space.policies[d % space.policies.length]!, codec: codecs[codec]?.codec ?? "none" };
}

function offered({ model }: Profile, { cuts, codecs }: SpaceOptions): Pair[] {
  return model.cuts.flatMap((cut, c): Pair[] => {
    if (cuts && !cuts(cut)) return [];
    if (c === model.cuts.length - 1) return [{ cut: c, codec: -1 }];
    return cut.codecs.flatMap(({ codec }, k) => (codecs && !codecs(codec) ? [] : [{ cut: c, codec: k }]));
  });
}

function askedSets(policies: Space["policies"]): { asked: boolean[][]; setOf: number[] } {
  const asked: boolean[][] = [];
  const numbers = new Map<string, number>();
  const setOf = policies.map((thresholds) => {
    const flags = thresholds.map((t, exit) => t <= 1 || exit === thresholds.length - 1);
    const key = flags.join();
    if (!numbers.has(key)) numbers.set(key, asked.push(flags) - 1);
    return numbers.get(key)!;
  });
  return { asked, setOf };
}

/** What the exits of one pair say of every image when certain exits are asked; all a replay needs. */
interface Tape {
  /** Exits on the device. */
  readonly before: number;
  /** NaN where an exit is not asked; [images, exits]. */
  readonly confidences: Float32Array;
  readonly correct: Uint8Array;
  /** Was the most confident of all right? [images] */
  readonly bestRight: Uint8Array;
  /** Was the most confident on the device right? Without any there is no answer, and it is 0. */
  readonly deviceRight: Uint8Array;
  readonly bytes: ArrayLike<number>;
}

function record({ model }: Profile, { cut, codec }: Pair, asked: readonly boolean[]): Tape {
  const { images } = model.record;
  const exits = asked.length;
  const { exitsBefore: before, codecs } = model.cuts[cut]!;
  const sent: CodecProfile | undefined = codecs[codec];
  const confidences = new Float32Array(images * exits);
  const correct = new Uint8Array(images * exits);
  const bestRight = new Uint8Array(images);
  const deviceRight = new Uint8Array(images);
  const device = asked.slice(0, before).includes(true);
  for (let i = 0; i < images; i++) {
    for (let exit = 0; exit < exits; exit++) {
      const behind = sent !== undefined && exit >= before;
      const from = behind ? sent.record : model.record;
      const at = behind ? i * (exits - before) + exit - before : i * exits + exit;
      confidences[i * exits + exit] = asked[exit] ? from.confidences[at]! : Number.NaN;
      correct[i * exits + exit] = from.correct[at]!;
    }
    const best = mostConfident(confidences.subarray(i * exits, (i + 1) * exits));
    bestRight[i] = correct[i * exits + best]!;
    if (device) {
      const own = mostConfident(confidences.subarray(i * exits, i * exits + before));
      deviceRight[i] = correct[i * exits + own]!;
    }
  }
  return { before, confidences, correct, bestRight, deviceRight, bytes: sent?.bytes ?? [] };
}

/** Fills in design `d`: the exit rule (`decide`) for every image. */
function replay(space: Space, d: number, thresholds: readonly number[], tape: Tape): void {
  const { exits, share, sentMean, sentVariance } = space;
  const { before, confidences, correct, bestRight, deviceRight, bytes } = tape;
  const images = bestRight.length;
  const row = d * exits;
  let right = 0;
  let rightAlone = 0;
  let sent = 0;
  let sentBytes = 0;
  for (let i = 0; i < images; i++) {
    const at = i * exits;
    let exit = 0;
    while (exit < exits && !isConfident(confidences[at + exit]!, thresholds[exit]!)) exit++;
    const isRight = exit < exits ? correct[at + exit]! : bestRight[i]!;
    const reached = Math.min(exit, exits - 1);
    right += isRight;
    share[row + reached]! += 1;
    if (reached < before) {
      rightAlone += isRight;
      continue;
    }
    const size = bytes[i]!;
    rightAlone += deviceRight[i]!;
    sentMean[row + reached]! += size;
    sentVariance[row + reached]! += size * size;
    sentBytes += size;
    sent++;
  }
  for (let e = row; e < row + exits; e++) {
    if (share[e]! === 0) continue;
    const mean = sentMean[e]! / share[e]!;
    sentVariance[e] = Math.max(0, sentVariance[e]! / share[e]! - mean * mean);
    sentMean[e] = mean;
    share[e]! /= images;
  }
  space.accuracy[d] = right / images;
  space.deviceAccuracy[d] = rightAlone / images;
  space.bytes[d] = sentBytes / images;
  space.offloaded[d] = sent / images;
}
