// Turns what a user wants into the plan of the moment: measures this side, watches results, link and server, and when they have
// moved asks the planner; makes the slices of a new plan before images follow it.

import type { Clock, Compute, DeviceEngine, InferenceResult, LinkStatus, Plan } from "../engine/index.ts";
import { measureProfile } from "../profiler/measure-profile.ts";
import {
  conditionsAt,
  isFresh,
  newRunTimeProfile,
  type Observation,
  observed,
  type RunTimeProfile,
} from "../profiler/run-time-profile.ts";
import type { SideStore } from "../profiler/side-store.ts";
import { smoothPattern } from "../profiler/smooth-pattern.ts";
import type { Conditions, Expected, Profile, Replanned, Sla, Why } from "../scheduler/index.ts";
import { float32 } from "../tensor.ts";
import { observe } from "./observe-result.ts";
import { type ClientPlanRequest, initialPlan, isFixed } from "./plan-request.ts";
import { enginePlan, Planner } from "./planner.ts";
import { probePlan } from "./probe-plan.ts";

/** A new plan, and why. */
export interface PlanChange {
  readonly plan: Plan;
  /** `asked`: it was set, and leaves nothing to choose. */
  readonly why: Why | { readonly kind: "asked" };
  /** What it is to deliver; absent when nobody asked what. */
  readonly expected?: Expected;
  /** What device, link and server could do when it was chosen, over their profiles. */
  readonly conditions?: Conditions;
  /** Constraints that cannot be met now, and what is reached instead. */
  readonly relaxed?: readonly { readonly constraint: string; readonly wanted: number; readonly got: number }[];
}

export interface PlanningEvents {
  plan(change: PlanChange): void;
  /** The link has changed so far that it may matter. */
  link(status: LinkStatus): void;
  warning(message: string): void;
}

export interface PlanningOptions {
  readonly hasServer: boolean;
  /** For measuring this side. */
  readonly budgetMs: number;
  readonly clock: Clock;
  readonly store?: SideStore;
}

interface Adaptation {
  readonly profile: Profile;
  readonly planner: Planner;
  /** Until the slices of the next plan are there. */
  isPreparing: boolean;
}

/** A plan is looked at again after so long at the earliest … */
const LOOK_MS = 100;
/** … and so that no more than such a part of the time goes into that. */
const LOOK_SHARE = 0.05;
/** A server that no image goes to is asked so often how it is. */
const PROBE_MS = 3000;
const PROBE_DEADLINE_MS = 3000;
/** To make a server's acquaintance. */
const PROBE_BUDGET_MS = 1500;
/** A server is first asked so often: the first answer is that of one that has not warmed up. */
const INTRODUCTION = 5;
const SURPRISE = 1.4;
/** A link that was lost may be back before another plan is worth its while. */
const PATIENCE_MS = 500;
/** The link is told of when it has changed by so much. */
const LINK_CHANGE = 0.2;

export class SelfPlanning {
  readonly #engine: DeviceEngine;
  readonly #compute: Compute;
  readonly #options: PlanningOptions;
  readonly #events: PlanningEvents;
  /** Of the last request; undefined when it left nothing open. */
  #adaptation: Adaptation | undefined;
  #runTime: RunTimeProfile = newRunTimeProfile();
  #requests = 0;
  #nextLookAtMs = Number.NEGATIVE_INFINITY;
  #probedAtMs = Number.NEGATIVE_INFINITY;
  #lostAtMs: number | undefined;
  #toldLink: LinkStatus | undefined;

  constructor(engine: DeviceEngine, compute: Compute, options: PlanningOptions, events: PlanningEvents) {
    this.#engine = engine;
    this.#compute = compute;
    this.#options = options;
    this.#events = events;
    engine.on("result", (result) => this.#onResult(result));
    engine.on("connection", ({ connected }) => {
      this.#lostAtMs = connected ? undefined : (this.#lostAtMs ?? options.clock.now());
      if (connected) void this.#probe(INTRODUCTION);
      this.#look(true);
    });
  }

  /** What the present plan is to deliver, by what was seen last. */
  get expected(): Expected | undefined {
    return this.#adaptation?.planner.expected;
  }

  /**
   * Kept when images follow the plan.
   *
   * @param connecting until it is known whether the server is there
   * @throws {RangeError} for a plan that does not fit the network; {SpinnError} as `Compute.start`
   */
  async follow(request: ClientPlanRequest, sla: Sla | undefined, connecting?: Promise<void>): Promise<void> {
    const { network } = this.#engine;
    const plan = initialPlan(network, request);
    const number = ++this.#requests;
    if (isFixed(request, sla) || (!this.#options.hasServer && !sla)) {
      await this.#prepare(plan);
      if (number !== this.#requests) return; // another request has come meanwhile
      this.#adaptation = undefined;
      this.#set({ plan, why: { kind: "asked" } });
      return;
    }
    const [profile] = await Promise.all([this.#measure(request), connecting]);
    const planner = new Planner(profile, request, sla, { isCalibrated: network.calibration !== undefined });
    const adaptation: Adaptation = { profile, planner, isPreparing: false };
    if (number !== this.#requests) return;
    this.#adaptation = adaptation;
    adaptation.isPreparing = true;
    try {
      await this.#probe(INTRODUCTION);
      await this.#change(adaptation, this.#ask(adaptation));
    } finally {
      adaptation.isPreparing = false;
    }
  }

  /** What device and server need for every part of the network. */
  #measure({ cut = "auto" }: ClientPlanRequest): Promise<Profile> {
    const { budgetMs, store } = this.#options;
    return measureProfile(this.#compute, {
      budgetMs,
      onWarning: (message) => this.#events.warning(message),
      ...(store && { store }),
      ...(cut !== "auto" && { cut }),
    });
  }

  #onResult(result: InferenceResult): void {
    const adaptation = this.#adaptation;
    if (!adaptation) return;
    this.#observe(observe(this.#engine.network, adaptation.profile, result));
    this.#look();
  }

  #observe(seen: Observation): void {
    const { uplinkBps, rttMs } = this.#engine.link;
    const link = { ...(uplinkBps !== undefined && { uplinkBps }), ...(rttMs !== undefined && { rttMs }) };
    this.#runTime = observed(this.#runTime, { ...link, ...seen }, this.#options.clock.now());
  }

  #look(atOnce = false): void {
    const adaptation = this.#adaptation;
    const nowMs = this.#options.clock.now();
    this.#tellLink();
    if (!adaptation || adaptation.isPreparing || (!atOnce && nowMs < this.#nextLookAtMs)) return;
    if (!isFresh(this.#runTime.server, nowMs, PROBE_MS)) void this.#probe(1);
    const replanned = this.#ask(adaptation);
    const tookMs = this.#options.clock.now() - nowMs;
    this.#nextLookAtMs = nowMs + Math.max(LOOK_MS, tookMs / LOOK_SHARE);
    if (!replanned.changed) return;
    adaptation.isPreparing = true;
    this.#change(adaptation, replanned)
      .catch(() => undefined) // the plan stays; whoever needs the slices hears why they cannot be made
      .finally(() => {
        adaptation.isPreparing = false;
      });
  }

  #ask({ planner }: Adaptation): Replanned {
    const nowMs = this.#options.clock.now();
    const { connected } = this.#engine.link;
    const isGone = this.#lostAtMs !== undefined && nowMs - this.#lostAtMs >= PATIENCE_MS;
    const reachable = connected || (this.#options.hasServer && this.#lostAtMs !== undefined && !isGone);
    this.#observe({});
    return planner.look(conditionsAt(this.#runTime, nowMs), reachable, nowMs);
  }

  async #change(adaptation: Adaptation, { state, why, schedule }: Replanned): Promise<void> {
    const plan = enginePlan(this.#engine.network, state.plan);
    await this.#prepare(plan);
    if (this.#adaptation !== adaptation) return;
    const { expected, seen: conditions } = state;
    this.#set({ plan, why, expected, conditions, ...(schedule && { relaxed: schedule.relaxed }) });
  }

  #set(change: PlanChange): void {
    this.#engine.setPlan(change.plan);
    this.#events.plan(change);
  }

  /** Makes the slices: up to the cut, for going on behind it, and for doing without a server from the start. */
  async #prepare({ cut, thresholds }: Plan): Promise<void> {
    const ways = [
      ["input", cut],
      ...(cut === "none"
        ? []
        : [
            [cut, "none"],
            ["input", "none"],
          ]),
    ];
    for (const [from, to] of ways) await this.#compute.prepare(from!, to!, thresholds);
  }

  /**
   * Asks the server how it is, unless that was just done, and once more as long as the answer is a surprise; nobody else hears
   * of it.
   */
  async #probe(least: number): Promise<void> {
    const adaptation = this.#adaptation;
    const { clock } = this.#options;
    const fromMs = clock.now();
    if (!adaptation || !this.#engine.link.connected || fromMs - this.#probedAtMs < PROBE_MS) return;
    this.#probedAtMs = fromMs;
    let surprised = false;
    for (let k = 0; k < (surprised ? INTRODUCTION : least) && clock.now() - fromMs < PROBE_BUDGET_MS; k++) {
      const believed = conditionsAt(this.#runTime, clock.now());
      const plan = probePlan(adaptation.profile, believed);
      const result = plan && (await this.#askServer(adaptation.profile, plan));
      surprised = result !== undefined && isSurprise(believed, result.seen, result.answer);
    }
  }

  /** What goes wrong says nothing: the next image may go there, and whoever sent it is told. */
  async #askServer(profile: Profile, plan: Plan): Promise<{ seen: Observation; answer: InferenceResult } | undefined> {
    const { network } = this.#engine;
    const image = float32(smoothPattern(network), network.input.shape);
    const options = { plan, deadlineMs: PROBE_DEADLINE_MS, isProbe: true };
    const answer = await this.#engine.infer(image, options).catch(() => undefined);
    if (!answer) return undefined;
    // it came ready for the network, as no image does
    const { prepareMs: _, ...seen } = observe(network, profile, answer);
    this.#observe(seen);
    return { seen, answer };
  }

  #tellLink(): void {
    const status = this.#engine.link;
    if (this.#toldLink && !hasChanged(this.#toldLink, status)) return;
    this.#toldLink = status;
    this.#events.link(status);
  }
}

/** Is the server or the link other than was believed, so that it should be asked again? */
function isSurprise(
  believed: Conditions,
  { serverFactor }: Observation,
  { bytesUp, timings }: InferenceResult,
): boolean {
  if (serverFactor === undefined) return false;
  const networkMs = (8000 * bytesUp) / believed.uplinkBps + believed.rttMs;
  const ratios = [serverFactor / (believed.serverFactor ?? 1), timings.networkMs / networkMs];
  return ratios.some((ratio) => ratio > SURPRISE || ratio < 1 / SURPRISE);
}

function hasChanged(told: LinkStatus, now: LinkStatus): boolean {
  const moved = (a: number | undefined, b: number | undefined): boolean =>
    a === undefined || b === undefined ? a !== b : Math.abs(b - a) > LINK_CHANGE * a;
  return told.connected !== now.connected || moved(told.uplinkBps, now.uplinkBps) || moved(told.rttMs, now.rttMs);
}
