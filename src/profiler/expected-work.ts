// How long the parts of one inference take by the profile: what measured times are compared with at run time.

import type { Profile, SideProfile } from "../scheduler/profile.ts";

/** Milliseconds by the profile. */
export interface ExpectedWork {
  readonly deviceMs: number;
  readonly packMs: number;
  /** Unpacking included; 0 when nothing was sent. */
  readonly serverMs: number;
}

export interface Traversal {
  readonly cut: string;
  /** As the scheduler calls it. */
  readonly codec: string;
  readonly thresholds: readonly number[];
  /** The last exit that was asked. */
  readonly reached: number;
}

/** Undefined for a cut or codec that the profile does not have. */
export function expectedWork(
  { model, device, server }: Profile,
  { cut, codec, thresholds, reached }: Traversal,
): ExpectedWork | undefined {
  const { cuts } = model;
  const at = cuts.findIndex(({ id }) => id === cut);
  const place = cuts[at];
  if (!place) return undefined;
  const end = cuts.findIndex(({ exitsBefore }) => exitsBefore > reached);
  const asked = (exit: number): boolean => thresholds[exit]! <= 1 || exit === thresholds.length - 1;
  const between = (side: SideProfile, from: number, to: number, exits: readonly [number, number]): number => {
    let ms = 0;
    for (let step = from; step < to; step++) ms += side.steps[step]!.meanMs;
    for (let exit = exits[0]; exit < exits[1]; exit++) if (asked(exit)) ms += side.heads[exit]!.meanMs;
    return ms;
  };
  if (reached < place.exitsBefore)
    return { deviceMs: between(device, 0, end, [0, reached + 1]), packMs: 0, serverMs: 0 };
  const k = place.codecs.findIndex((one) => one.codec === codec);
  const [packing, unpacking] = [device.coding[at]?.[k], server.coding[at]?.[k]];
  if (!packing || !unpacking) return undefined;
  return {
    deviceMs: between(device, 0, at, [0, place.exitsBefore]),
    packMs: packing.meanMs,
    serverMs: unpacking.meanMs + between(server, at, end, [place.exitsBefore, reached + 1]),
  };
}
