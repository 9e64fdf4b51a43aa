// Public names: reading, checking, measuring and editing ONNX networks.

export { type ArticulationPoint, articulationPoints } from "./articulation-points.ts";
export { GraphBuilder } from "./builder.ts";
export { decodeModel, encodeModel } from "./codec.ts";
export { readModelFile, type WriteModelOptions, writeModelFile } from "./file.ts";
export { countMacs, type MacCount } from "./flops.ts";
export { foldBatchNorm } from "./fold-batch-norm.ts";
export {
  type AttributeProto,
  type Attributes,
  type AttributeValue,
  DataType,
  type Dim,
  declaredType,
  edit,
  floatTensor,
  type GraphProto,
  int64Tensor,
  type ModelProto,
  makeNode,
  makeValueInfo,
  type NodeOptions,
  type NodeProto,
  opsetOf,
  type TensorProto,
  type ValueInfoProto,
} from "./proto.ts";
export { prune, removeDead } from "./prune.ts";
export { inferShapes } from "./shapes.ts";
export { type SliceEnds, sliceModel } from "./slice.ts";
export { sortTopologically } from "./sort-topologically.ts";
export type { TensorInfo } from "./tensor-info.ts";
export { tensorValues } from "./tensor-values.ts";
export type { TrunkOptions } from "./trunk.ts";
export { upgradeOpset } from "./upgrade-opset.ts";
export { MAX_OPSET, MIN_OPSET, validateModel } from "./validate.ts";
