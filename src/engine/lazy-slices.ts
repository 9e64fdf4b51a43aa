// A network as slices that are cut when first needed and shared by all who need the same (SPINN, 4.1). Where the graphs come from
// and which runtime runs them is the caller's choice.

import { SpinnError } from "../errors.ts";
import { weightBytes } from "../onnx/weight-bytes.ts";
import type { CreateSession, SessionOptions, Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor.ts";
import type { NetworkInfo } from "./network-info.ts";
import { type Opened, SessionStore } from "./session-store.ts";
import type { SliceGraph } from "./slice-graph.ts";
import type { BoundaryState, SlicedNetwork, StepResult } from "./sliced-network.ts";
import type { Step } from "./steps.ts";

export interface SliceOptions {
  readonly createSession: CreateSession;
  /** For the session of every slice. */
  readonly session?: SessionOptions;
  /** Sessions that are kept open; a run from end to end needs one for each exit. @default 64 */
  readonly maxSessions?: number;
  /** Weights of these sessions together: slices of different plans overlap. @default 64 MiB */
  readonly maxWeightBytes?: number;
}

/** What to cut from. */
export interface SliceGraphs {
  readonly plain: SliceGraph;
  /** Taken where it can be cut. */
  readonly optimized?: SliceGraph;
}

/** A step in terms of one graph. */
interface Slice {
  readonly key: string;
  readonly graph: SliceGraph;
  readonly from: string;
  readonly portable: boolean;
  /** What to feed. */
  readonly given: readonly string[];
  /** What to compute: what does not live on from the start to the end. */
  readonly wanted: readonly string[];
  /** What is alive at the end. */
  readonly live: readonly string[];
}

/** Where a state is, beside the cut that it is named after. */
interface Place {
  readonly portable: boolean;
  readonly ahead?: string | undefined;
}

/** The slice for a step and, if the state has to change its layout before, one for that. */
interface Plan {
  readonly slice: Slice;
  readonly entry?: Slice;
  /** Is the state at the end fit to be sent? Where both layouts have the same tensors it is, even if nobody asked. */
  readonly portable: boolean;
  /** Where the state lies at the end, if not at the step's end. */
  readonly ahead: string | undefined;
}

export function openSlices(info: NetworkInfo, graphs: SliceGraphs, options: SliceOptions): SlicedNetwork {
  return new LazySlices(info, graphs, options);
}

class LazySlices implements SlicedNetwork {
  readonly info: NetworkInfo;
  readonly #options: SliceOptions;
  readonly #plain: SliceGraph;
  readonly #optimized: SliceGraph | undefined;
  readonly #plans = new Map<string, Plan>();
  readonly #sessions: SessionStore;

  constructor(info: NetworkInfo, { plain, optimized }: SliceGraphs, options: SliceOptions) {
    this.info = info;
    this.#options = options;
    const { maxSessions = 64, maxWeightBytes = 64 * 2 ** 20 } = options;
    this.#sessions = new SessionStore({ sessions: maxSessions, weightBytes: maxWeightBytes });
    this.#plain = plain;
    this.#optimized = optimized;
  }

  async run(state: BoundaryState, step: Step, portable: boolean): Promise<StepResult> {
    if (state.cut !== step.from) throw new RangeError(`The state is at ${state.cut}, the step starts at ${step.from}`);
    const plan = this.#plan(step, state, portable);
    const { slice, entry } = plan;
    const start = entry ? pick(await this.#compute(entry, state.tensors), entry.live) : state.tensors;
    const known = await this.#compute(slice, start);
    const next: BoundaryState = {
      cut: step.to,
      tensors: pick(known, slice.live),
      portable: plan.portable,
      ...(plan.ahead !== undefined && { ahead: plan.ahead }),
    };
    if (step.exit === undefined) return { state: next };
    return { state: next, logits: need(known, this.#logits(step.exit)).data as Float32Array };
  }

  async prepare(steps: readonly Step[]): Promise<void> {
    let state: Place = { portable: true };
    for (const [i, step] of steps.entries()) {
      const plan = this.#plan(step, state, i === steps.length - 1);
      for (const slice of plan.entry ? [plan.entry, plan.slice] : [plan.slice]) {
        if (slice.wanted.length > 0) await this.#sessions.open(slice.key, () => this.#open(slice));
      }
      state = plan;
    }
  }

  async release(): Promise<void> {
    await this.#sessions.release();
  }

  #plan(step: Step, state: Place, portable: boolean): Plan {
    const { from, to, exit, onTo } = step;
    const key = JSON.stringify([from, state.ahead, to, onTo, exit, state.portable, portable]);
    let plan = this.#plans.get(key);
    if (!plan) {
      plan = this.#makePlan(step, state, portable);
      this.#plans.set(key, plan);
    }
    return plan;
  }

  #makePlan(step: Step, { portable: fromPortable, ahead: from = step.from }: Place, portable: boolean): Plan {
    const optimized = this.#optimized;
    if (optimized?.live(from, fromPortable) && optimized.live(step.to, portable)) {
      const ahead = portable ? undefined : this.#ahead(optimized, step);
      const to = ahead ?? step.to;
      const slice = this.#slice(optimized, { ...step, from, to }, fromPortable, portable);
      const isPortable = portable || optimized.live(step.to, true)!.join("\n") === slice.live.join("\n");
      return { slice, portable: isPortable, ahead };
    }
    const slice = this.#slice(this.#plain, { ...step, from }, true, true);
    if (fromPortable) return { slice, portable: true, ahead: undefined };
    if (!optimized) throw new RangeError(`The state at ${from} is of another network`);
    const entry = this.#slice(optimized, { from, to: from }, false, true);
    return { slice, entry, portable: true, ahead: undefined };
  }

  /** Where to stop instead of at the step's end, unless the next step ends before that. */
  #ahead(graph: SliceGraph, { to, onTo }: Step): string | undefined {
    const further = graph.ahead?.(to);
    if (further === undefined || onTo === undefined) return undefined;
    return this.#position(onTo) >= this.#position(further) ? further : undefined;
  }

  #position(cut: string): number {
    return this.info.cuts.findIndex(({ id }) => id === cut);
  }

  #slice(graph: SliceGraph, { from, to, exit }: Step, fromPortable: boolean, portable: boolean): Slice {
    const given = this.#liveAt(graph, from, fromPortable);
    const live = this.#liveAt(graph, to, portable);
    const outputs = new Set(exit === undefined ? live : [...live, this.#logits(exit)]);
    const wanted = [...outputs].filter((name) => !given.includes(name));
    const key = JSON.stringify([graph === this.#plain, fromPortable, from, wanted]);
    return { key, graph, from, portable: fromPortable, given, wanted, live };
  }

  #liveAt(graph: SliceGraph, cut: string, portable: boolean): readonly string[] {
    const live = graph.live(cut, portable);
    if (live) return live;
    throw new RangeError(`The network has no cut ${JSON.stringify(cut)}`);
  }

  #logits(exit: number): string {
    const point = this.info.exits[exit];
    if (point) return point.output;
    throw new RangeError(`The network has ${this.info.exits.length} exits, and no exit ${exit}`);
  }

  /** What was given and what was computed from it. */
  async #compute(slice: Slice, tensors: Tensors): Promise<Tensors> {
    const { key, given, wanted } = slice;
    if (wanted.length === 0) return tensors;
    const feeds = pick(tensors, given);
    return { ...tensors, ...(await this.#sessions.run(key, () => this.#open(slice), feeds, wanted)) };
  }

  async #open({ graph, from, portable, wanted }: Slice): Promise<Opened> {
    const { createSession, session: options } = this.#options;
    const model = await graph.slice(from, portable, wanted);
    const session = await createSession(model, { ...options, ...graph.session });
    return { session, weightBytes: model instanceof Uint8Array ? model.byteLength : weightBytes(model) };
  }
}

function pick(tensors: Tensors, names: readonly string[]): Tensors {
  const picked: Record<string, Tensor> = {};
  for (const name of names) picked[name] = need(tensors, name);
  return picked;
}

function need(tensors: Tensors, name: string): Tensor {
  const tensor = tensors[name];
  if (tensor) return tensor;
  throw new SpinnError("Runtime", `The state lacks the tensor "${name}"`);
}
