// Public names of `spinn/scheduler`: from a profile, conditions and an agreement to a plan. Pure; runs in a page.

export { type Conditions, type PowerModel, powerModels } from "./conditions.ts";
export { codecOf, type Design, type Expected, NOT_ASKED, type Plan, type Planned } from "./design.ts";
export { estimate } from "./estimate.ts";
export { isMetric, type Metric, type MetricInfo, metrics } from "./metrics.ts";
export { type Policy, type PolicyName, planWith, policies, policySpace } from "./policies.ts";
export {
  type CodecProfile,
  type CutProfile,
  checkProfile,
  type ModelProfile,
  type Profile,
  type SideProfile,
  type Timing,
} from "./profile.ts";
export { haveMoved, type PlanState, type Replanned, type ReplanOptions, replan, type Why } from "./replan.ts";
export { type Schedule, type ScheduleOptions, schedule } from "./schedule.ts";
export { type Constraint, checkSla, type Extreme, type Goal, type Sla, type Target } from "./sla.ts";
export {
  parseConstraint,
  parseSla,
  parseTarget,
  printConstraint,
  printTarget,
  SlaError,
} from "./sla-language.ts";
export { compileSpace, defaultPolicies, planOf, type Space, type SpaceOptions, startingPolicies } from "./space.ts";
export type { Pair } from "./tape.ts";
