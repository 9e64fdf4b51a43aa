// Which plan to follow now: the scheduler over what a user leaves open, with a server and without. No clock and no network.

import { makePlan, type NetworkInfo, type Plan } from "../engine/index.ts";
import {
  type Conditions,
  type CutProfile,
  codecOf,
  compileSpace,
  type Expected,
  type PlanState,
  type Profile,
  type Replanned,
  replan,
  type Sla,
  type Space,
  type SpaceOptions,
} from "../scheduler/index.ts";
import { type ClientPlanRequest, DEFAULT_THRESHOLD, usualTargets } from "./plan-request.ts";

export class Planner {
  readonly sla: Sla;
  readonly #profile: Profile;
  readonly #perExit: boolean;
  readonly #options: SpaceOptions;
  readonly #spaces = new Map<boolean, Space>();
  /** May it answer without a server, by another plan? */
  readonly #mayStay: boolean;
  #state: PlanState | undefined;
  #connected: boolean | undefined;

  /**
   * @param sla without one: as soon as possible with the threshold that was asked for, or else {@link usualTargets}
   * @param isCalibrated does anybody know how sure the exits are? Else they keep the paper's threshold
   * @throws {RangeError} when nothing of the profile is left to choose from
   */
  constructor(
    profile: Profile,
    request: ClientPlanRequest,
    sla: Sla | undefined,
    { isCalibrated }: { readonly isCalibrated: boolean },
  ) {
    const { cut = "auto", codec = "auto", bits, threshold } = request;
    this.#profile = profile;
    const fixed = threshold ?? (sla || isCalibrated ? undefined : DEFAULT_THRESHOLD);
    this.#perExit = fixed === undefined;
    this.#mayStay = cut === "auto" || cut === "none";
    const wanted = codec === "float32" || codec === "auto" || (bits ?? 8) === 8 ? codec : `${codec}/${bits}`;
    this.#options = {
      cuts: (one: CutProfile) => cut === "auto" || one.id === cut,
      codecs: (name: string) => {
        if (codec !== "auto") return name === wanted;
        return bits === undefined || codecOf(name).bits === bits || name === "float32";
      },
      ...(fixed !== undefined && { policies: [fixed] }),
    };
    this.#space(true);
    this.sla = sla ?? { prefer: fixed === undefined ? usualTargets : [{ aim: "min", metric: "latency.mean" }] };
  }

  /** Of the plan that it last chose or kept, under the conditions of that time. */
  get expected(): Expected | undefined {
    return this.#state?.expected;
  }

  /** Looks again. */
  look(conditions: Conditions, connected: boolean, nowMs: number): Replanned {
    const withServer = connected || !this.#mayStay;
    if (withServer !== this.#connected) this.#state = undefined;
    this.#connected = withServer;
    const options = { perExit: this.#perExit, runnersUp: 0 };
    const replanned = replan(this.#space(withServer), this.sla, this.#state, nowMs, conditions, options);
    this.#state = replanned.state;
    return replanned;
  }

  #space(withServer: boolean): Space {
    let space = this.#spaces.get(withServer);
    if (!space) {
      const stay = { ...this.#options, cuts: ({ id }: CutProfile) => id === "none" };
      space = compileSpace(this.#profile, withServer ? this.#options : stay);
      this.#spaces.set(withServer, space);
    }
    return space;
  }
}

/** The scheduler's plan in the engine's words. */
export function enginePlan(network: NetworkInfo, plan: PlanState["plan"]): Plan {
  const { codec, bits } = codecOf(plan.codec);
  const how = plan.cut === "none" ? {} : { codec: codec as Plan["codec"], bits };
  return makePlan(network, { cut: plan.cut, threshold: plan.thresholds, ...how });
}
