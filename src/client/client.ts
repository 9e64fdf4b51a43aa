// The client: a device engine and, where the plan leaves cut or codec open, somebody who chooses them by what is measured. Runs in
// Node and in a page.

import { createDeviceEngine, type DeviceEngine, type DeviceEngineOptions, type Plan } from "../engine/index.ts";
import { SpinnError } from "../errors.ts";
import { type ClientPlanRequest, initialPlan, PlanFollower } from "./plan-follower.ts";

export interface ClientOptions extends Omit<DeviceEngineOptions, "plan"> {
  /** @default everything `auto`, threshold 0.8 */
  readonly plan?: ClientPlanRequest;
  /** Time for the profile that `auto` needs. @default 2000 */
  readonly profileBudgetMs?: number;
  /** How long to wait for the first connection; without it the device answers until there is one. @default 2000 */
  readonly connectTimeoutMs?: number;
  /** Until this is kept the server does everything, and then the plan is followed: for a network that is still on its way. */
  readonly arrival?: Promise<void>;
  readonly signal?: AbortSignal;
}

export interface Client extends Omit<DeviceEngine, "setPlan"> {
  /**
   * For images from now on; the promise is kept when they follow it, after what it needs was prepared.
   *
   * @throws {RangeError} for a plan that does not fit the network
   */
  setPlan(plan: ClientPlanRequest): Promise<void>;
}

/**
 * @throws {RangeError} for a plan that does not fit the network
 * @throws {SpinnError} as `Compute.start`, while slices are made and measured; Aborted
 */
export async function createClient(options: ClientOptions): Promise<Client> {
  const { compute, dial, plan = {}, connectTimeoutMs = 2000, signal } = options;
  // without a server there is nobody else
  const arrival = dial && options.arrival;
  const first = initialPlan(compute.network, plan);
  const engine = createDeviceEngine({ ...options, plan: arrival ? serverOnly(first) : first });
  const follower = new PlanFollower(engine, compute, dial !== undefined, options.profileBudgetMs ?? 2000);
  const follow = async (request: ClientPlanRequest): Promise<void> => {
    await arrival;
    await follower.follow(request);
  };
  const following = follow(plan);
  // told to whoever sets a plan; until one can be followed the server goes on
  if (arrival) following.catch(() => undefined);
  const ready = Promise.all([arrival ? undefined : following, dial && firstAttempt(engine, connectTimeoutMs)]);
  try {
    await unlessAborted(ready, signal);
  } catch (error) {
    await engine.close();
    throw error;
  }
  return {
    network: engine.network,
    get plan() {
      return engine.plan;
    },
    get link() {
      return engine.link;
    },
    infer: (image, inferOptions) => engine.infer(image, inferOptions),
    setPlan: follow,
    stats: () => engine.stats(),
    on: (name, listener) => engine.on(name, listener),
    close: () => engine.close(),
  };
}

/** A plan that needs no slices. */
function serverOnly(plan: Plan): Plan {
  return { ...plan, cut: "input" };
}

/** Waits until it is known whether the server is there. */
function firstAttempt(engine: DeviceEngine, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const off = engine.on("connection", () => done());
    const timer = setTimeout(() => done(), timeoutMs);
    const done = (): void => {
      off();
      clearTimeout(timer);
      resolve();
    };
  });
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new SpinnError("Aborted", "Stopped while connecting"));
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
