// What a user wants of the client, in plans and in agreements, and what of it leaves nothing open.

import { makePlan, type NetworkInfo, type Plan, type PlanRequest } from "../engine/index.ts";
import {
  type Constraint,
  checkSla,
  parseConstraint,
  parseSla,
  parseTarget,
  type Sla,
  type Target,
} from "../scheduler/index.ts";

/** A plan as people write it. What is left open or `auto` is chosen for the agreement, and chosen again when things change. */
export interface ClientPlanRequest extends Omit<PlanRequest, "codec" | "cut"> {
  /** `input`, `none`, the id of a cut, or `auto`. @default "auto" */
  readonly cut?: string;
  /** `auto`: without compression where that costs more time than it saves. @default "auto" */
  readonly codec?: Plan["codec"] | "auto";
}

/** An agreement in words (`"latency.p95 <= 60ms"`, `"min server-cost"`) or as objects, the most important first. */
export interface SlaRequest {
  readonly require?: readonly (string | Constraint)[];
  /** @default {@link usualTargets} */
  readonly prefer?: readonly (string | Target)[];
}

/** As accurate as can be, but for one point, and that as soon as possible. */
export const usualTargets: readonly Target[] = [
  { aim: "max", metric: "accuracy", tolerance: 0.01 },
  { aim: "min", metric: "latency.mean" },
];

/**
 * @throws {SlaError} pointing at the place, for words that make no sense
 * @throws {RangeError} for objects that make none
 */
export function slaOf({ require = [], prefer = [] }: SlaRequest): Sla {
  const isWord = (one: string | Constraint | Target): one is string => typeof one === "string";
  // all in words: then what contradicts something is pointed at, too
  if ([...require, ...prefer].every(isWord))
    parseSla({ require: require.filter(isWord), prefer: prefer.filter(isWord) });
  const sla = {
    require: require.map((one) => (typeof one === "string" ? parseConstraint(one) : one)),
    prefer:
      prefer.length === 0 ? usualTargets : prefer.map((one) => (typeof one === "string" ? parseTarget(one) : one)),
  };
  checkSla(sla);
  return sla;
}

/** The paper's threshold, for who asks for nothing else. */
export const DEFAULT_THRESHOLD = 0.8;

/**
 * What to do before anything is known; where nothing is left open, that is the plan.
 *
 * @throws {RangeError} when it does not fit the network
 */
export function initialPlan(network: NetworkInfo, request: ClientPlanRequest): Plan {
  const { cut = "auto", codec = "auto", ...rest } = request;
  const isAuto = cut === "auto";
  if (isAuto && codec === "image") throw new RangeError("An encoded image can be sent at the cut input only");
  return makePlan(network, { ...rest, cut: isAuto ? "none" : cut, codec: codec === "auto" ? "lz4" : codec });
}

/** Is there nothing to choose? */
export function isFixed({ cut = "auto", codec = "auto", threshold }: ClientPlanRequest, sla: Sla | undefined): boolean {
  if (cut === "auto" || (sla && threshold === undefined)) return false;
  return codec !== "auto" || cut === "none";
}
