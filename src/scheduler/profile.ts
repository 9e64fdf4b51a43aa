// What the scheduler knows of a network before it sees a link: what every design gets right and sends, and how long each
// part takes on either side (SPINN's profiler, offline). Plain data; whoever measures fills it in.

import type { ExitRecord } from "../progressive/policy-outcome.ts";

export interface Profile {
  readonly model: ModelProfile;
  readonly device: SideProfile;
  readonly server: SideProfile;
}

/** The part that holds on every device. */
export interface ModelProfile {
  /** The unsplit network: exits in order, the final one last. All cuts are profiled on the same images. */
  readonly record: ExitRecord;
  /**
   * Places between which time is measured, in graph order: `input` first, `none` last. Among them the place of every exit:
   * an exit stands at the first of them whose `exitsBefore` counts it. Those with a codec can be chosen.
   */
  readonly cuts: readonly CutProfile[];
  /** Size of the server's answer. @default 64 */
  readonly replyBytes?: number;
}

export interface CutProfile {
  /** As in the network: `input`, a tensor's name, `none`. */
  readonly id: string;
  /** How many exits the device has passed when it gets here; at `none` all of them. */
  readonly exitsBefore: number;
  /** Is it a cut as the paper wants it: after a ReLU-like activation, or an end of the network? */
  readonly sparse: boolean;
  /** Ways to send what is alive here; none at `none`, and at places that are no cuts. */
  readonly codecs: readonly CodecProfile[];
}

export interface CodecProfile {
  /** What a plan calls it: `float32`, `lz4`, `rans`, below 8 bits with the width, `rans/4`; `image`, encoded as it came. */
  readonly codec: string;
  /** What travels for each image, packet and message around it included; [images]. */
  readonly bytes: ArrayLike<number>;
  /**
   * The exits behind the cut, computed from what the codec left of its tensors; [images, exits behind]. Codecs that lose the
   * same, `lz4` and `rans`, may share one.
   */
  readonly record: ExitRecord;
}

/** How long things take on one side, with nothing else running. */
export interface SideProfile {
  /** From each cut to the next, heads left out; one fewer than cuts. */
  readonly steps: readonly Timing[];
  /** What it adds to ask each exit: its head, and the stop on the way. One for each exit. */
  readonly heads: readonly Timing[];
  /** Packing on the device, unpacking on the server: for each cut one for each of its codecs. */
  readonly coding: readonly (readonly Timing[])[];
}

export interface Timing {
  readonly meanMs: number;
  /** Standard deviation from one image to the next; of a skewed one, what makes mean + 1.645 spreads the 95th percentile. */
  readonly spreadMs: number;
}

/** A profile never changes, and looking at every image's bytes takes longer than many a plan. */
const checked = new WeakSet<Profile>();

/** @throws {RangeError} naming the first part that does not fit the others */
export function checkProfile(profile: Profile): void {
  if (checked.has(profile)) return;
  const { model, device, server } = profile;
  const { record, cuts } = model;
  const exits = record.confidences.length / record.images;
  if (!(record.images > 0 && Number.isInteger(exits) && exits >= 1)) throw misfit("the record of the unsplit network");
  checkRecord(record, record.images, exits, "the record of the unsplit network");
  const ends = cuts.length >= 2 && cuts[0]!.exitsBefore === 0 && cuts.at(-1)!.exitsBefore === exits;
  if (!ends) throw misfit("the list of cuts, which goes from no exit to all exits,");
  for (const [c, { id, exitsBefore }] of cuts.entries())
    if (exitsBefore < (cuts[c - 1]?.exitsBefore ?? 0)) throw misfit(`the number of exits before ${id}`);
  cuts.forEach(({ id, exitsBefore, codecs }, c) => {
    if (c === cuts.length - 1 && codecs.length > 0) throw misfit(`a codec at ${id}, where nothing is sent,`);
    for (const { codec, bytes, record: behind } of codecs) {
      const where = `the record of ${codec} at ${id}`;
      checkRecord(behind, record.images, exits - exitsBefore, where);
      if (bytes.length !== record.images || Array.prototype.some.call(bytes, (b) => !(b >= 0))) throw misfit(where);
    }
  });
  for (const [name, side] of [["device", device] as const, ["server", server] as const]) {
    const { steps, heads, coding } = side;
    if (steps.length !== cuts.length - 1) throw misfit(`the number of the ${name}'s steps`);
    if (heads.length !== exits) throw misfit(`the number of the ${name}'s heads`);
    const fits = coding.length === cuts.length && cuts.every((cut, c) => coding[c]!.length === cut.codecs.length);
    if (!fits) throw misfit(`the ${name}'s time for codecs`);
    for (const { meanMs, spreadMs } of [...steps, ...heads, ...coding.flat()])
      if (!(meanMs >= 0 && spreadMs >= 0 && Number.isFinite(meanMs + spreadMs))) throw misfit(`a time of the ${name}`);
  }
  checked.add(profile);
}

function checkRecord({ images, confidences, correct }: ExitRecord, wanted: number, exits: number, what: string): void {
  const fits = images === wanted && confidences.length === images * exits && correct.length === images * exits;
  if (!fits) throw misfit(what);
}

function misfit(what: string): RangeError {
  return new RangeError(`${what} does not fit the rest of the profile`.replace(/^./, (c) => c.toUpperCase()));
}
