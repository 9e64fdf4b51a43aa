// Public names of `spinn/autodiff`: training steps as ONNX graphs, and the optimizers that apply their gradients.

export { usableBlock } from "./blocked-conv.ts";
export {
  type DifferentiateOptions,
  differentiate,
  type ParameterSlot,
  type StatisticsSlot,
  type TrainingGraph,
} from "./differentiate.ts";
export type { GradientRule, RuleContext } from "./gradient-rules/gradient-rule.ts";
export { differentiableOperators, gradientRule } from "./gradient-rules.ts";
export {
  type AdamOptions,
  adamDefaults,
  applyUpdate,
  type OptimizerOptions,
  type SgdOptions,
  sgdDefaults,
  type UpdateVectors,
} from "./optimizer.ts";
