// Public names of `spinn/profiler`: what the scheduler must know of a network, a device, a server and a link, measured.

export { chooseCuts } from "./choose-cuts.ts";
export { codingName, type ProfileCoding, profileCodings } from "./codings.ts";
export { type ExpectedWork, expectedWork, type Traversal } from "./expected-work.ts";
export { fileSideStore } from "./file-side-store.ts";
export { imageOrder } from "./image-order.ts";
export { type MeasureProfileOptions, measureProfile } from "./measure-profile.ts";
export { type MeasureSideOptions, measureSide } from "./measure-side.ts";
export { guessedModelProfile, storedModelProfile } from "./model-profile.ts";
export { type ProfileModelOptions, profileModel } from "./profile-model.ts";
export { type ProfileSideOptions, profileSide } from "./profile-side.ts";
export {
  conditionsAt,
  isFresh,
  newRunTimeProfile,
  type Observation,
  observed,
  type Priors,
  type RunTimeProfile,
  type Track,
} from "./run-time-profile.ts";
export { noSamples, type Samples, type SideSamples, sideProfileOf } from "./side-samples.ts";
export type { SideStore } from "./side-store.ts";
