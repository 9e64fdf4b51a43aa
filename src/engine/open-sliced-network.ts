// A progressive network as slices that are cut when first needed and shared by all who need the same (SPINN, 4.1). Which
// runtime runs them is the caller's choice.

import { SpinnError } from "../errors.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { sliceModel } from "../onnx/slice.ts";
import type { CreateSession, Session, SessionOptions, Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor.ts";
import { describeNetwork, type NetworkInfo } from "./network-info.ts";
import type { BoundaryState, SlicedNetwork, StepResult } from "./sliced-network.ts";
import type { Step } from "./steps.ts";

export interface SlicedNetworkOptions {
  readonly createSession: CreateSession;
  /** For the session of every slice. */
  readonly session?: SessionOptions;
}

/**
 * @param model valid; without metadata it is a network with its final exit alone
 * @throws {SpinnError} as `describeNetwork`
 */
export async function openSlicedNetwork(model: ModelProto, options: SlicedNetworkOptions): Promise<SlicedNetwork> {
  return new PlainSlices(model, options);
}

class PlainSlices implements SlicedNetwork {
  readonly info: NetworkInfo;
  readonly #model: ModelProto;
  readonly #options: SlicedNetworkOptions;
  readonly #live: ReadonlyMap<string, readonly string[]>;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(model: ModelProto, options: SlicedNetworkOptions) {
    this.info = describeNetwork(model);
    this.#model = model;
    this.#options = options;
    this.#live = new Map(this.info.cuts.map(({ id, tensors }) => [id, tensors.map(({ name }) => name)]));
  }

  async run(state: BoundaryState, step: Step): Promise<StepResult> {
    if (state.cut !== step.from) throw new RangeError(`The state is at ${state.cut}, the step starts at ${step.from}`);
    const ends = this.#ends(step);
    const known: Record<string, Tensor> = { ...state.tensors };
    if (ends.to.length > 0) {
      const session = await this.#session(ends);
      const feeds: Tensors = Object.fromEntries(ends.from.map((name) => [name, need(state.tensors, name)]));
      Object.assign(known, await session.run(feeds));
    }
    const tensors = Object.fromEntries(this.#liveAt(step.to).map((name) => [name, need(known, name)]));
    const next: BoundaryState = { cut: step.to, tensors, portable: true };
    if (step.exit === undefined) return { state: next };
    return { state: next, logits: need(known, this.info.exits[step.exit]!.output).data as Float32Array };
  }

  async prepare(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      const ends = this.#ends(step);
      if (ends.to.length > 0) await this.#session(ends);
    }
  }

  async release(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.allSettled(sessions.map(async (session) => (await session).release()));
  }

  /** What lives on across the whole step, a skip connection, is not computed again. */
  #ends({ from, to, exit }: Step): { from: readonly string[]; to: readonly string[] } {
    const given = this.#liveAt(from);
    const wanted = new Set(this.#liveAt(to));
    if (exit !== undefined) wanted.add(this.info.exits[exit]!.output);
    return { from: given, to: [...wanted].filter((name) => !given.includes(name)) };
  }

  #liveAt(cut: string): readonly string[] {
    const live = this.#live.get(cut);
    if (live) return live;
    throw new RangeError(`The network has no cut ${JSON.stringify(cut)}`);
  }

  #session(ends: { from: readonly string[]; to: readonly string[] }): Promise<Session> {
    const key = JSON.stringify(ends);
    let session = this.#sessions.get(key);
    if (!session) {
      session = this.#options.createSession(sliceModel(this.#model, ends), this.#options.session);
      this.#sessions.set(key, session);
      // A failure is told to whoever waits; the next one tries again.
      session.catch(() => this.#sessions.delete(key));
    }
    return session;
  }
}

function need(tensors: Tensors, name: string): Tensor {
  const tensor = tensors[name];
  if (tensor) return tensor;
  throw new SpinnError("Runtime", `The state lacks the tensor "${name}"`);
}
