// What a plan does to each profiled image, and how long that takes on either side: the exit rule and plain sums, written apart
// from the scheduler's estimate, so that each can be held against the other.

import { decide } from "../progressive/exit-policy.ts";
import type { Plan, Profile, SideProfile, Timing } from "../scheduler/index.ts";

/** Mean and variance of a time, in ms and ms². */
export interface Duration {
  readonly meanMs: number;
  readonly variance: number;
}

/** An image under a plan. */
export interface Fate {
  /** Whether the device has the answer before the cut. */
  readonly stays: boolean;
  /** The exit that answers. */
  readonly exit: number;
  readonly correct: boolean;
  /** Of what is sent; 0 when it stays. */
  readonly bytes: number;
  /** On the device, up to its answer or to the cut. */
  readonly device: Duration;
  /** There, too; nothing when it stays. */
  readonly packing: Duration;
  /** On the server, unpacking included. */
  readonly server: Duration;
  /** If the server fails: the device's most confident exit so far, absent when none was asked. */
  readonly bestSoFar?: LocalAnswer;
  /** If the server fails, or before it answers: what the device comes to when it goes on by itself. */
  readonly alone: LocalAnswer & { readonly device: Duration };
}

export interface LocalAnswer {
  readonly exit: number;
  readonly correct: boolean;
}

/** Of one plan, for any image. @throws {RangeError} when the profile does not have the plan's cut or codec */
export function fatesOf({ model, device, server }: Profile, plan: Plan): (image: number) => Fate {
  const { record, cuts } = model;
  const exits = record.confidences.length / record.images;
  const cut = cuts.findIndex(({ id }) => id === plan.cut);
  if (cut < 0) throw new RangeError(`The profile has no cut ${JSON.stringify(plan.cut)}`);
  const { exitsBefore, codecs } = cuts[cut]!;
  const isLocal = cut === cuts.length - 1;
  const codec = codecs.findIndex((one) => one.codec === plan.codec);
  if (!isLocal && codec < 0) throw new RangeError(`The profile has no codec ${plan.codec} at ${plan.cut}`);
  const sent = codecs[codec];
  const asked = plan.thresholds.map((t, exit) => t <= 1 || exit === exits - 1);
  const places = Array.from({ length: exits }, (_, exit) => cuts.findIndex((one) => one.exitsBefore > exit));
  /** From one place to the place of an exit, with every head on the way that is asked. */
  const between = (side: SideProfile, from: number, firstExit: number, exit: number): Duration => {
    const steps = side.steps.slice(from, places[exit]);
    const heads = side.heads.slice(firstExit, exit + 1).filter((_, i) => asked[firstExit + i]);
    return total([...steps, ...heads]);
  };
  const toCut = isLocal
    ? { meanMs: 0, variance: 0 }
    : total([...device.steps.slice(0, cut), ...device.heads.slice(0, exitsBefore).filter((_, exit) => asked[exit])]);
  const packing = isLocal ? total([]) : total([device.coding[cut]![codec]!]);
  const unpacking = isLocal ? total([]) : total([server.coding[cut]![codec]!]);
  const stays = Array.from({ length: exits }, (_, exit) => between(device, 0, 0, exit));
  const goesOn = Array.from({ length: exits }, (_, exit) =>
    exit < exitsBefore ? total([]) : plus(unpacking, between(server, cut, exitsBefore, exit)),
  );
  const alone = Array.from({ length: exits }, (_, exit) =>
    exit < exitsBefore ? total([]) : between(device, cut, exitsBefore, exit),
  );
  /** Confidences and verdicts of one image: what is behind the cut comes from `behind`, if that is given. */
  const tell = (image: number, behind: typeof sent): { confidences: number[]; right: (exit: number) => boolean } => {
    const read = (exit: number): readonly [number, number] => {
      if (!behind || exit < exitsBefore) {
        const at = image * exits + exit;
        return [record.confidences[at]!, record.correct[at]!];
      }
      const at = image * (exits - exitsBefore) + exit - exitsBefore;
      return [behind.record.confidences[at]!, behind.record.correct[at]!];
    };
    const confidences = asked.map((isAsked, exit) => (isAsked ? read(exit)[0] : Number.NaN));
    return { confidences, right: (exit) => read(exit)[1] === 1 };
  };
  return (image) => {
    const remote = tell(image, sent);
    const { exit, reached } = decide(remote.confidences, plan.thresholds);
    if (isLocal || reached < exitsBefore) {
      const correct = remote.right(exit);
      const answer = { exit, correct };
      return {
        ...answer,
        stays: true,
        bytes: 0,
        device: stays[reached]!,
        packing: total([]),
        server: total([]),
        alone: { ...answer, device: total([]) },
      };
    }
    const local = tell(image, undefined);
    const own = decide(local.confidences, plan.thresholds);
    const soFar = local.confidences.slice(0, exitsBefore);
    const best = decide(soFar, 2).exit;
    return {
      ...{ stays: false, exit, correct: remote.right(exit), bytes: sent!.bytes[image]! },
      ...{ device: toCut, packing, server: goesOn[reached]! },
      ...(asked.slice(0, exitsBefore).includes(true) && { bestSoFar: { exit: best, correct: local.right(best) } }),
      alone: { exit: own.exit, correct: local.right(own.exit), device: alone[own.reached]! },
    };
  };
}

function total(times: readonly Timing[]): Duration {
  return {
    meanMs: times.reduce((sum, { meanMs }) => sum + meanMs, 0),
    variance: times.reduce((sum, { spreadMs }) => sum + spreadMs ** 2, 0),
  };
}

/** One after the other. */
export function plus(a: Duration, b: Duration): Duration {
  return { meanMs: a.meanMs + b.meanMs, variance: a.variance + b.variance };
}
