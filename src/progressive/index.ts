// Public names of `spinn/progressive`: what a progressive model says of itself, and the rule by which its exits answer.

export type { Calibration } from "./calibration.ts";
export { type Answer, answerOf } from "./confidence.ts";
export {
  checkThresholds,
  type Decision,
  decide,
  isConfident,
  mostConfident,
  supersedes,
  type Thresholds,
} from "./exit-policy.ts";
export { type ExitInfo, type Metadata, readMetadata, withMetadata } from "./metadata.ts";
export type { NetworkProfile, ProfiledCodec, ProfiledCut, ProfiledWidth } from "./network-profile.ts";
export { type ExitRecord, type PolicyOutcome, policyOutcome } from "./policy-outcome.ts";
