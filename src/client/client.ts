// The client: a device engine and, where the plan leaves cut or codec open, somebody who chooses them by what is measured. Runs in
// Node and in a page.

import { Emitter } from "../engine/emitter.ts";
import {
  createDeviceEngine,
  type DeviceEngine,
  type DeviceEngineEvents,
  type DeviceEngineOptions,
  type LinkStatus,
  type Plan,
  systemClock,
  type Unsubscribe,
} from "../engine/index.ts";
import { SpinnError } from "../errors.ts";
import type { SideStore } from "../profiler/side-store.ts";
import type { Expected } from "../scheduler/index.ts";
import { type ClientPlanRequest, initialPlan, type SlaRequest, slaOf } from "./plan-request.ts";
import { type PlanChange, SelfPlanning } from "./self-planning.ts";

export interface ClientOptions extends Omit<DeviceEngineOptions, "plan"> {
  /** What is given is kept to; the rest is chosen for the agreement. @default everything `auto` */
  readonly plan?: ClientPlanRequest;
  /**
   * What must hold and what is wanted beyond that. @default the least mean latency, with the plan's threshold; where the plan has
   * none, among plans whose accuracy is within one point of the best
   */
  readonly sla?: SlaRequest;
  /** Time to measure this side in, where something is to be chosen. @default 2000 */
  readonly profileBudgetMs?: number;
  /** Remembers what was measured. @default nothing does */
  readonly sideStore?: SideStore;
  /** How long to wait for the first connection; without it the device answers until there is one. @default 2000 */
  readonly connectTimeoutMs?: number;
  /** Until this is kept the server does everything, and then the plan is followed: for a network that is still on its way. */
  readonly arrival?: Promise<void>;
  readonly signal?: AbortSignal;
}

export interface ClientEvents extends Omit<DeviceEngineEvents, "plan"> {
  /** Another plan is followed from now on. */
  plan: PlanChange;
  /** Connection, bandwidth or round trip have changed notably. */
  link: LinkStatus;
  /** Something is not as good as it could be: one line. Who listens late hears what there was before. */
  warning: string;
}

export interface Client extends Omit<DeviceEngine, "setPlan" | "on"> {
  /** What the plan is to deliver, as device, link and server are now; undefined until one was chosen, and for one that was set. */
  readonly expected: Expected | undefined;
  /**
   * For images from now on; the promise is kept when they follow it, after what it needs was prepared.
   *
   * @param sla @default the one that the client was opened with
   * @throws {RangeError} for a plan that does not fit the network, or an agreement that makes no sense
   */
  setPlan(plan: ClientPlanRequest, sla?: SlaRequest): Promise<void>;
  on<K extends keyof ClientEvents>(name: K, listener: (event: ClientEvents[K]) => void): Unsubscribe;
}

/**
 * @throws {RangeError} for a plan that does not fit the network, or an agreement that makes no sense
 * @throws {SpinnError} as `Compute.start`, while slices are made and measured; Aborted
 */
export async function createClient(options: ClientOptions): Promise<Client> {
  const { compute, dial, plan = {}, connectTimeoutMs = 2000, signal, clock = systemClock, sideStore } = options;
  const agreed = options.sla && slaOf(options.sla);
  // without a server there is nobody else
  const arrival = dial && options.arrival;
  const first = initialPlan(compute.network, plan);
  const engine = createDeviceEngine({ ...options, plan: arrival ? serverOnly(first) : first });
  const emitter = new Emitter<ClientEvents>();
  const warnings: string[] = [];
  const planning = new SelfPlanning(
    engine,
    compute,
    {
      hasServer: dial !== undefined,
      budgetMs: options.profileBudgetMs ?? 2000,
      clock,
      ...(sideStore && { store: sideStore }),
    },
    {
      plan: (change) => emitter.emit("plan", change),
      link: (status) => emitter.emit("link", status),
      warning(message) {
        warnings.push(message);
        emitter.emit("warning", message);
      },
    },
  );
  engine.on("connection", (event) => emitter.emit("connection", event));
  engine.on("fallback", (event) => emitter.emit("fallback", event));
  engine.on("result", (event) => emitter.emit("result", event));
  const connecting = dial && firstAttempt(engine, connectTimeoutMs);
  const follow = async (request: ClientPlanRequest, sla = agreed): Promise<void> => {
    await arrival;
    await planning.follow(request, sla, connecting);
  };
  const following = follow(plan);
  // told to whoever sets a plan; until one can be followed the server goes on
  if (arrival) following.catch(() => undefined);
  const ready = Promise.all([arrival ? undefined : following, connecting]);
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
    get expected() {
      return planning.expected;
    },
    get link() {
      return engine.link;
    },
    infer: (image, inferOptions) => engine.infer(image, inferOptions),
    setPlan: async (request, sla) => await follow(request, sla ? slaOf(sla) : agreed),
    stats: () => engine.stats(),
    on(name, listener) {
      if (name === "warning") for (const message of warnings) (listener as (message: string) => void)(message);
      return emitter.on(name, listener);
    },
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
