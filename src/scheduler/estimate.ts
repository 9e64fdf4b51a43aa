// What one design delivers: exact over the profiled images, each of which stops at one exit and pays for the way there.

import type { Conditions } from "./conditions.ts";
import type { Design, Expected } from "./design.ts";
import { Evaluation } from "./evaluation.ts";
import type { Profile } from "./profile.ts";
import { compileSpace } from "./space.ts";

/**
 * @throws {RangeError} for a cut or codec that the profile does not have, thresholds that do not fit, or conditions that make
 *   no sense
 * @example estimate(profile, conditions, { cut: "relu_9", thresholds: 0.8, codec: "lz4" }).latency.p95
 */
export function estimate(profile: Profile, conditions: Conditions, design: Design): Expected {
  const cut = profile.model.cuts.find(({ id }) => id === design.cut);
  if (!cut) throw new RangeError(`The profile has no cut ${JSON.stringify(design.cut)}`);
  const local = cut === profile.model.cuts.at(-1);
  if (!local && !cut.codecs.some(({ codec }) => codec === design.codec))
    throw new RangeError(`The profile has no codec ${JSON.stringify(design.codec)} at ${cut.id}`);
  const space = compileSpace(profile, {
    cuts: (one) => one === cut,
    codecs: (name) => name === design.codec,
    policies: [design.thresholds],
  });
  return new Evaluation(space, conditions).expected(0);
}
