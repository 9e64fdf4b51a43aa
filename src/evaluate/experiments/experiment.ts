// What an experiment is: given networks with their profiles, it finds figures and perhaps a headline. Results are plain JSON.

import type { Profile } from "../../scheduler/index.ts";
import type { Figure } from "../report/figure.ts";
import type { LabImages } from "./lab-protocol.ts";

export interface Experiment {
  /** What it is about, for `--help` and progress. */
  readonly question: string;
  /** @throws {SpinnError} Aborted; Runtime when something that is measured cannot run */
  run(lab: Lab): Promise<ExperimentResult>;
}

export interface ExperimentResult {
  readonly figures: readonly Figure[];
  readonly headlines?: Partial<Headlines>;
  /** What a reader must know to judge it. */
  readonly notes?: readonly string[];
}

/** Figures to hold against the paper's. */
export interface Headlines {
  /** Throughput over the better of Neurosurgeon and Edgent. */
  readonly throughputGain: Headline;
  /** The least of that ratio anywhere. */
  readonly worstThroughputRatio: number;
  /** Neurosurgeon's server time over ours, at equal or better accuracy and latency. */
  readonly serverCostReduction: Headline;
  /** Points of accuracy above Edgent under a bound on latency. */
  readonly accuracyGain: Headline;
  /** Points of accuracy lost when half of all requests fail, behind a late split. */
  readonly failureDropPoints: number;
  readonly estimate: EstimateErrors;
  readonly adaptation: Adaptation;
}

export interface Headline {
  readonly value: number;
  readonly versus: string;
  readonly where: string;
}

/** Of what was estimated against what was measured; relative but for the accuracy, in points. */
export interface EstimateErrors {
  readonly settings: number;
  readonly meanErrorMedian: number;
  readonly p95ErrorMedian: number;
  readonly accuracyErrorMax: number;
}

export interface Adaptation {
  /** Of all changes: the longest until the agreement was met again, the most plan changes, and those while nothing changed. */
  readonly worstRecoveryMs: number;
  readonly mostPlanChanges: number;
  readonly idlePlanChanges: number;
}

export interface Lab {
  readonly networks: readonly LabNetwork[];
  readonly seed: number;
  /** Fewer points and images, to see that everything runs. */
  readonly quick: boolean;
  readonly signal?: AbortSignal;
  /**
   * To be called often: it lets others have their turn.
   *
   * @param share of this experiment
   * @throws {SpinnError} Aborted, when it is to stop
   */
  progress(what: string, share: number): Promise<void>;
}

export interface LabNetwork {
  readonly name: string;
  /** Of a model file that holds the profile. */
  readonly path: string;
  /** What multiply-adds it takes to reach each exit, over all. */
  readonly exits: readonly { readonly name: string; readonly flopsFraction: number }[];
  /** Of each cut of the profile, the share of the multiply-adds before it. */
  readonly cutShares: readonly number[];
  /** Of all profiled images, with the paper's device and server. */
  readonly profile: Profile;
  /** Two halves of the images: policies plan by the one, and what comes of it is tried on the other; then the other way round. */
  readonly folds: readonly Fold[];
  /** How many times slower than this machine's core device and server are taken to be. */
  readonly slowdown: { readonly device: number; readonly server: number };
  /** What was profiled, as for `labImages`, and which of them each image of `profile` is. */
  readonly images: LabImages;
  readonly order: readonly number[];
}

export interface Fold {
  readonly planning: Profile;
  readonly trial: Profile;
}
