// The profile of this side of the link: what is remembered of it, and a little more measuring each time, until enough is known.

import type { Compute } from "../engine/compute.ts";
import { hexOf } from "../hex.ts";
import type { CutProfile } from "../scheduler/profile.ts";
import { type MeasureSideOptions, measureSide } from "./measure-side.ts";
import { missing, type SideSamples } from "./side-samples.ts";
import type { SideStore } from "./side-store.ts";

export interface ProfileSideOptions extends Omit<MeasureSideOptions, "before" | "rounds"> {
  /** @default nothing is remembered */
  readonly store?: SideStore;
}

/** Of the budget, when there is something to begin with. */
const REFINEMENT = 0.25;
/** Of each kind, so many samples are enough. */
const ENOUGH = 9;

/**
 * @param places in graph order (`ModelProfile.cuts`)
 * @throws {SpinnError} as `Compute.start`
 */
export async function profileSide(
  compute: Compute,
  places: readonly CutProfile[],
  options: ProfileSideOptions = {},
): Promise<SideSamples> {
  const { store, budgetMs = 2000, ...rest } = options;
  const network = hexOf(compute.network.modelHash);
  const before = await store?.read(network);
  const lacking = before ? missing(before, places, ENOUGH) : 1;
  if (before && lacking === 0) return before;
  const budget = before && missing(before, places, 1) === 0 ? REFINEMENT * budgetMs : budgetMs;
  const samples = await measureSide(compute, places, { ...rest, budgetMs: budget, ...(before && { before }) });
  await store?.write(network, samples);
  return samples;
}
