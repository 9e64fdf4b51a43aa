// Turns what a user wants into the plan of the moment: makes the slices that it needs, measures the network where cut or codec is
// `auto`, and then looks after every few results whether another plan has become better.

import {
  type Compute,
  type DeviceEngine,
  type InferenceResult,
  makePlan,
  type NetworkInfo,
  type Plan,
  type PlanRequest,
} from "../engine/index.ts";
import { type AutoRequest, adaptPlan, type Learned, learn, nothingLearned } from "./adaptive-plan.ts";
import { stopShares } from "./choose-cut.ts";
import { measureCuts } from "./measure-cuts.ts";

/** A plan as people write it; `auto` is what is expected to be soonest, and is chosen again when that changes. */
export interface ClientPlanRequest extends Omit<PlanRequest, "codec" | "cut"> {
  /** `input`, `none`, the id of a cut, or `auto`. @default "auto" */
  readonly cut?: string;
  /** `auto`: without compression where that costs more time than it saves. @default "auto" */
  readonly codec?: Plan["codec"] | "auto";
}

interface Adaptation {
  readonly request: AutoRequest;
  learned: Learned;
  /** Until the slices of the next plan are there. */
  isPreparing: boolean;
}

/** A plan is looked at again after so long at the earliest. */
const REPLAN_MS = 250;

/** What is certain of a plan before anything was measured. @throws {RangeError} when it does not fit the network */
export function initialPlan(network: NetworkInfo, request: ClientPlanRequest): Plan {
  const { cut = "auto", codec = "auto", ...rest } = request;
  const isAuto = cut === "auto";
  if (isAuto && codec === "image") throw new RangeError("An encoded image can be sent at the cut input only");
  return makePlan(network, { ...rest, cut: isAuto ? "none" : cut, codec: codec === "auto" ? "lz4" : codec });
}

export class PlanFollower {
  readonly #engine: DeviceEngine;
  readonly #compute: Compute;
  readonly #hasServer: boolean;
  readonly #budgetMs: number;
  /** Of the last request; undefined when it left nothing open. */
  #adaptation: Adaptation | undefined;
  #requests = 0;
  #lookedAtMs = 0;

  constructor(engine: DeviceEngine, compute: Compute, hasServer: boolean, budgetMs: number) {
    this.#engine = engine;
    this.#compute = compute;
    this.#hasServer = hasServer;
    this.#budgetMs = budgetMs;
    engine.on("result", (result) => this.#onResult(result));
    engine.on("connection", () => this.#look());
  }

  /** @throws {RangeError} for a plan that does not fit the network; {SpinnError} as `Compute.start` */
  async follow(request: ClientPlanRequest): Promise<void> {
    const { network } = this.#engine;
    const plan = initialPlan(network, request);
    const number = ++this.#requests;
    const adaptation = this.#hasServer ? await this.#measured(request, plan) : undefined;
    const chosen = adaptation ? adaptPlan(adaptation.request, adaptation.learned, this.#engine.link, plan) : plan;
    await this.#prepare(chosen);
    if (number !== this.#requests) return; // another request has come meanwhile
    this.#adaptation = adaptation;
    this.#engine.setPlan(chosen);
  }

  async #measured(request: ClientPlanRequest, plan: Plan): Promise<Adaptation | undefined> {
    const { cut = "auto", codec = "auto" } = request;
    if (cut !== "auto" && (codec !== "auto" || cut === "none")) return undefined;
    const { network } = this.#engine;
    const profile = await measureCuts(this.#compute, {
      ...(cut !== "auto" && { cuts: [cut] }),
      ...(codec !== "auto" && codec !== "image" && { codecs: [codec] }),
      ...(plan.bits !== 32 && { bits: plan.bits }),
      budgetMs: this.#budgetMs,
    });
    const { thresholds } = plan;
    const shares = stopShares(network, thresholds);
    return { request: { cut, thresholds, shares }, learned: nothingLearned(profile), isPreparing: false };
  }

  /** Makes the slices: up to the cut, for going on behind it, and for doing without a server from the start. */
  async #prepare({ cut, thresholds }: Plan): Promise<void> {
    const ways =
      cut === "none"
        ? [["input", "none"]]
        : [
            ["input", cut],
            [cut, "none"],
            ["input", "none"],
          ];
    for (const [from, to] of ways) await this.#compute.prepare(from!, to!, thresholds);
  }

  #onResult(result: InferenceResult): void {
    const adaptation = this.#adaptation;
    if (!adaptation) return;
    adaptation.learned = learn(adaptation.learned, this.#engine.network, result);
    this.#look();
  }

  #look(): void {
    const adaptation = this.#adaptation;
    const nowMs = performance.now();
    if (!adaptation || adaptation.isPreparing || nowMs - this.#lookedAtMs < REPLAN_MS) return;
    this.#lookedAtMs = nowMs;
    const { plan, link } = this.#engine;
    const next = adaptPlan(adaptation.request, adaptation.learned, link, plan);
    if (next === plan) return;
    adaptation.isPreparing = true;
    this.#prepare(next)
      .then(
        () => {
          if (this.#adaptation === adaptation) this.#engine.setPlan(next);
        },
        () => {}, // the plan stays; whoever needs the slices hears why they cannot be made
      )
      .finally(() => {
        adaptation.isPreparing = false;
      });
  }
}
