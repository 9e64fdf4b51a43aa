// A whole profile by what is stored in the model and what this side measures of itself.

import type { Compute, NetworkInfo } from "../engine/index.ts";
import type { ModelProfile, Profile } from "../scheduler/profile.ts";
import { chooseCuts } from "./choose-cuts.ts";
import { guessedModelProfile, storedModelProfile } from "./model-profile.ts";
import { type ProfileSideOptions, profileSide } from "./profile-side.ts";
import { median, type SideSamples, sideProfileOf } from "./side-samples.ts";

export interface MeasureProfileOptions extends ProfileSideOptions {
  /** A cut that must be among the places. */
  readonly cut?: string;
  /** Hears in a line what had to be guessed. */
  readonly onWarning?: (message: string) => void;
}

/** Of a network that has not been profiled, beside those at its exits: each must be measured before it can be chosen. */
const GUESSED_CUTS = 8;

/**
 * Both sides are this one: a factor says how far the other is from it (`Conditions.serverFactor`).
 *
 * @throws {SpinnError} as `Compute.start`
 */
export async function measureProfile(compute: Compute, options: MeasureProfileOptions = {}): Promise<Profile> {
  const { cut, onWarning, ...rest } = options;
  const { network } = compute;
  const stored = storedModelProfile(network);
  const hasCut = cut === undefined || cut === "none" || stored?.cuts.some(({ id, codecs }) => id === cut && codecs[0]);
  if (stored && hasCut) return bothSides(network, stored, await profileSide(compute, stored.cuts, rest));
  const why = stored ? `The model's profile does not have the cut ${cut}` : "The model has no profile (spinn profile)";
  const how = network.calibration
    ? "exits are taken to be as sure as in the unsplit network, and images to pack like an example"
    : "nobody knows how sure its exits are";
  onWarning?.(`${why}: ${how}`);
  const chosen = chooseCuts(network, GUESSED_CUTS + network.exits.length);
  const cuts = network.cuts.filter((one) => chosen.includes(one) || (one.id === cut && cut !== "none"));
  const samples = await profileSide(compute, guessedModelProfile(network, cuts, () => 0).cuts, rest);
  const measured = guessedModelProfile(network, cuts, ({ id }, codec) => {
    const bytes = samples.bytes[`${id} ${codec}`];
    return bytes && median(bytes);
  });
  return bothSides(network, measured, samples);
}

function bothSides(network: NetworkInfo, model: ModelProfile, samples: SideSamples): Profile {
  return {
    model,
    device: sideProfileOf(network, model.cuts, samples, "device"),
    server: sideProfileOf(network, model.cuts, samples, "server"),
  };
}
