// All designs that a scheduler may choose from, with everything about them that does not depend on link and load: replayed
// once on the profiled images, kept in typed arrays (SPINN's profiler and scheduler: split x threshold).

import type { Thresholds } from "../progressive/exit-policy.ts";
import { listThresholds, NOT_ASKED, type Plan } from "./design.ts";
import { type CutProfile, checkProfile, type Profile } from "./profile.ts";
import { replay } from "./replay.ts";
import { type Pair, recordTape } from "./tape.ts";

export interface SpaceOptions {
  /** Which cuts to offer. @default all that have a codec, and `none` */
  readonly cuts?: (cut: CutProfile) => boolean;
  /** Which codecs to offer, by name. @default all */
  readonly codecs?: (codec: string) => boolean;
  /** Which thresholds to offer. @default {@link defaultPolicies} */
  readonly policies?: readonly Thresholds[];
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
 * What a whole search begins with: one confidence for all exits; the same with the final exit's word as the last, however sure it
 * is; and each exit alone. Weak early exits that are sure of themselves make the first kind worse than the network without any.
 */
export function startingPolicies(exits: number): readonly (readonly number[])[] {
  const final = exits - 1;
  const uniform = defaultPolicies.map((t) => new Array<number>(exits).fill(t));
  const alone = (exit: number): number[] => Array.from({ length: exits }, (_, e) => (e === exit ? 0 : NOT_ASKED));
  return [...uniform, ...uniform.map((all) => all.with(final, 0)), ...uniform[0]!.map((_, exit) => alone(exit))];
}

/**
 * Replays every design. Takes some 20 ns for each design and image.
 *
 * @throws {RangeError} for a profile that does not fit itself, thresholds that do not fit the exits, or nothing to choose from
 */
export function compileSpace(profile: Profile, options: SpaceOptions = {}): Space {
  checkProfile(profile);
  const space = emptySpace(profile, offered(profile, options), options.policies ?? defaultPolicies);
  const { pairs, policies, asked, rowOf } = space;
  if (space.designs === 0)
    throw new RangeError("There is nothing to choose from: no cut with a codec, or no thresholds");
  pairs.forEach((pair, p) => {
    const tapes = asked.map((flags) => recordTape(profile, pair, flags));
    policies.forEach((thresholds, t) => {
      const d = p * policies.length + t;
      replay(space, d, thresholds, tapes[rowOf[d]! % asked.length]!);
    });
  });
  return space;
}

/** A space with nothing replayed yet: all zeros. @throws {RangeError} for thresholds that do not fit the exits */
export function emptySpace(profile: Profile, pairs: readonly Pair[], thresholds: readonly Thresholds[]): Space {
  const exits = profile.model.record.confidences.length / profile.model.record.images;
  const policies = thresholds.map((one) => listThresholds(one, exits));
  const { asked, setOf } = askedSets(policies);
  const designs = pairs.length * policies.length;
  const perDesign = (): Float64Array => new Float64Array(designs);
  const perExit = (): Float64Array => new Float64Array(designs * exits);
  const rowOf = Uint32Array.from({ length: designs }, (_, d) => {
    return Math.floor(d / policies.length) * asked.length + setOf[d % policies.length]!;
  });
  return {
    ...{ profile, exits, pairs, policies, asked, designs, rowOf },
    ...{ share: perExit(), sentMean: perExit(), sentVariance: perExit() },
    ...{ accuracy: perDesign(), deviceAccuracy: perDesign(), bytes: perDesign(), offloaded: perDesign() },
  };
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
