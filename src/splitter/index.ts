// Public names: where to split a network, and how.

export { type ArticulationPoint, articulationPoints } from "../onnx/articulation-points.ts";
export { type SliceEnds, sliceModel } from "../onnx/slice.ts";
export type { TrunkOptions } from "../onnx/trunk.ts";
export { type Cut, type CutOptions, type CutTensor, cutCandidates } from "./cuts.ts";
