// A progressive network that can be entered and left at any cut. `run()` of the runtime behind it may block the thread, so
// that whoever must answer meanwhile keeps it in a worker (`Compute`).

import type { Tensors } from "../runtime/runtime.ts";
import type { NetworkInfo } from "./network-info.ts";
import type { Step } from "./steps.ts";

/** All that is known at a cut, for one image or a batch of them. */
export interface BoundaryState {
  readonly cut: string;
  /** The cut's live tensors by name; with other names and layouts when not `portable`. */
  readonly tensors: Tensors;
  /** In the layout that the network's own file gives them, fit to be sent. Else only this process can go on from it. */
  readonly portable: boolean;
  /** The tensors are those of this cut, a little further on, where less is alive; never when portable. */
  readonly ahead?: string;
}

export interface StepResult {
  /** Where the network stands now; without tensors at `none`. */
  readonly state: BoundaryState;
  /** Of the exit that the step asked for, [N, classes]. */
  readonly logits?: Float32Array;
}

export interface SlicedNetwork {
  readonly info: NetworkInfo;
  /**
   * Runs one step. Sessions are made when first needed.
   *
   * @param portable must the state be fit to be sent?
   * @throws {SpinnError} Runtime
   */
  run(state: BoundaryState, step: Step, portable: boolean): Promise<StepResult>;
  /** Makes ahead of time what these steps need; the last one ends portable. @throws {SpinnError} Runtime */
  prepare(steps: readonly Step[]): Promise<void>;
  release(): Promise<void>;
}
