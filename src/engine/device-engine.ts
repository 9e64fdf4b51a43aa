// The device's side of the distributed engine (SPINN, 4.3): images in, answers out, by the plan of the moment, with a server or
// without. Nothing here knows of Node or of a page: compute, transport, clock and chance come in as arguments.

import { SpinnError } from "../errors.ts";
import { createRng, type Rng } from "../random.ts";
import type { Dial } from "../transport/transport.ts";
import type { RefuseCode } from "../wire/message.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Compute } from "./compute.ts";
import { defaultBackoff } from "./device-backoff.ts";
import { type ContinueLocally, Inference, type InferOptions, type Surroundings } from "./device-inference.ts";
import { type DecodeImage, type DeviceImage, inputPreparer } from "./device-input.ts";
import type { LinkTimings, WakeUps } from "./device-link.ts";
import { rttMsOf, unknownLink, uplinkBpsOf } from "./device-link-estimate.ts";
import { type Pace, remainingMs, withSlices } from "./device-pace.ts";
import { checkPlan, type Plan } from "./device-plan.ts";
import type { FallbackReason, InferenceResult } from "./device-result.ts";
import { type ConnectionEvents, RemoteRuns } from "./device-runs.ts";
import { Emitter, type Unsubscribe } from "./emitter.ts";
import type { NetworkInfo } from "./network-info.ts";
import type { OnSpan } from "./span.ts";

export interface DeviceEngineOptions {
  /** Closed with the engine. */
  readonly compute: Compute;
  /** Absent: there is no server, and every plan ends on the device. */
  readonly dial?: Dial;
  readonly plan: Plan;
  /** @default "on-failure" */
  readonly continueLocally?: ContinueLocally;
  /** For inferences that do not say. @default none */
  readonly defaultDeadlineMs?: number;
  /** Longest wait for a server that lives but does not answer, when there is no deadline. @default 10 000 */
  readonly answerTimeoutMs?: number;
  /** For encoded images. @default they are refused, unless the server decodes them */
  readonly decodeImage?: DecodeImage;
  readonly link?: Partial<LinkTimings>;
  /** Runs without an answer, as far as the server takes so many. @default 16 */
  readonly maxInFlight?: number;
  /** Runs that wait for a place at the server; further ones are answered on the device. @default 64 */
  readonly maxWaiting?: number;
  /** Runs are held back while more bytes than these have not left the device. @default 256 KiB */
  readonly maxBufferedBytes?: number;
  /** Program and version, for the server's log. @default "spinn" */
  readonly agent?: string;
  readonly clock?: Clock;
  /** When to look at once whether the server is there. @default never: only as time goes by */
  readonly wakeUps?: WakeUps;
  /** For the jitter of reconnection. @default seeded by the time */
  readonly rng?: Rng;
  /** Hears of the spans of each inference; the server's join the same trace. Must be quick. @default nothing is traced */
  readonly onSpan?: OnSpan;
}

export interface DeviceEngineEvents {
  connection: { readonly connected: boolean /** Why not. */; readonly reason?: string };
  /** An answer that is not the one that the plan asked for. */
  fallback: { readonly reason: FallbackReason; readonly result: InferenceResult };
  plan: Plan;
  result: InferenceResult;
}

export interface LinkStatus {
  readonly connected: boolean;
  /** Why there is no connection: the last failure. */
  readonly problem?: string;
  /** The server's own word for it, if it is the server that will not have us. */
  readonly refusal?: RefuseCode;
  /** Moving average; absent until measured. */
  readonly rttMs?: number;
  /** Bits per second towards the server, moving average over real transfers; absent until measured. */
  readonly uplinkBps?: number;
  /** Measured over profiled compute time at the server, as it said last; 1 when idle. */
  readonly serverLoad: number;
}

/** Since the engine was made. */
export interface DeviceStats {
  readonly answered: Readonly<Record<"device" | "server", number>>;
  /** Rejected: aborted, too late without any exit, or an image that is none. */
  readonly failed: number;
  /** Without an answer yet. */
  readonly pending: number;
  readonly fallbacks: Readonly<Partial<Record<FallbackReason, number>>>;
  readonly bytesUp: number;
  /** Connections that came about. */
  readonly connections: number;
}

export interface DeviceEngine {
  readonly network: NetworkInfo;
  readonly plan: Plan;
  readonly link: LinkStatus;
  /**
   * Many at once are fine: while one is under way to the server, the next is computed. The image must be left alone until there is
   * an answer.
   *
   * @throws {SpinnError} Aborted; Deadline when not even one exit was passed in time; InvalidData for a damaged image; Overloaded
   *   when the device's own queue is full
   * @throws {RangeError | TypeError} for what is no image or does not fit the network
   */
  infer(image: DeviceImage, options?: InferOptions): Promise<InferenceResult>;
  /** For images from now on. @throws {RangeError} for a plan that does not fit the network */
  setPlan(plan: Plan): void;
  stats(): DeviceStats;
  on<K extends keyof DeviceEngineEvents>(name: K, listener: (event: DeviceEngineEvents[K]) => void): Unsubscribe;
  /** Inferences without an answer fail with Aborted. */
  close(): Promise<void>;
}

/** Longest message from the server, logits not counted: a ping with a payload to measure bandwidth. */
const MAX_PING_BYTES = 65_536;

/** @throws {RangeError} when the plan does not fit the network */
export function createDeviceEngine(options: DeviceEngineOptions): DeviceEngine {
  const { compute, clock = systemClock, defaultDeadlineMs } = options;
  const { network } = compute;
  checkPlan(network, options.plan);
  const emitter = new Emitter<DeviceEngineEvents>();
  const pending = new Set<Inference>();
  const answered = { device: 0, server: 0 };
  const fallbacks: Partial<Record<FallbackReason, number>> = {};
  const counts = { failed: 0, bytesUp: 0, connections: 0 };
  let plan = options.plan;
  let pace: Pace;
  let trouble: Pick<LinkStatus, "problem" | "refusal"> = {};
  let isClosed = false;

  const runs =
    options.dial &&
    connectRuns(options.dial, options, network, clock, {
      up() {
        counts.connections++;
        trouble = {};
        emitter.emit("connection", { connected: true });
      },
      down(reason, refusal) {
        trouble = { problem: reason, ...(refusal && { refusal }) };
        emitter.emit("connection", { connected: false, reason });
      },
    });

  const around: Surroundings = {
    compute,
    ...(runs && { runs }),
    prepare: inputPreparer(network, options.decodeImage),
    continueLocally: options.continueLocally ?? "on-failure",
    answerTimeoutMs: options.answerTimeoutMs ?? 10_000,
    clock,
    ...(options.onSpan && { onSpan: options.onSpan }),
    margin: deadlineMargin(),
    remainingMs: (cut) => remainingMs(pace, network, cut),
    computed(times) {
      pace = withSlices(pace, network, times);
    },
  };

  async function infer(image: DeviceImage, inferOptions: InferOptions = {}): Promise<InferenceResult> {
    const { signal, plan: own, deadlineMs = defaultDeadlineMs } = inferOptions;
    if (isClosed) throw new SpinnError("Aborted", "The engine is closed");
    if (signal?.aborted) throw new SpinnError("Aborted", "The inference was stopped before it began");
    if (deadlineMs !== undefined && !(deadlineMs > 0))
      throw new RangeError(`A deadline must be positive, not ${deadlineMs}`);
    if (own) checkPlan(network, own);
    const { deadlineMs: _, ...rest } = inferOptions;
    const inference = new Inference(around, image, own ?? plan, {
      ...rest,
      ...(deadlineMs !== undefined && { deadlineMs }),
    });
    pending.add(inference);
    try {
      const result = await inference.result;
      if (inferOptions.isProbe) return result;
      answered[result.source]++;
      counts.bytesUp += result.bytesUp;
      const reason = result.fallbackReason;
      if (reason !== undefined) {
        fallbacks[reason] = (fallbacks[reason] ?? 0) + 1;
        emitter.emit("fallback", { reason, result });
      }
      emitter.emit("result", result);
      return result;
    } catch (error) {
      if (!inferOptions.isProbe) counts.failed++;
      throw error;
    } finally {
      pending.delete(inference);
    }
  }

  return {
    network,
    get plan() {
      return plan;
    },
    get link() {
      const estimate = runs?.link.estimate ?? unknownLink;
      const rttMs = rttMsOf(estimate);
      const uplinkBps = uplinkBpsOf(estimate);
      return {
        connected: runs?.link.server !== undefined,
        ...trouble,
        ...(rttMs !== undefined && { rttMs }),
        ...(uplinkBps !== undefined && { uplinkBps }),
        serverLoad: runs?.serverLoad ?? 1,
      };
    },
    infer,
    setPlan(next) {
      checkPlan(network, next);
      plan = next;
      emitter.emit("plan", next);
    },
    stats: () => ({ answered: { ...answered }, fallbacks: { ...fallbacks }, pending: pending.size, ...counts }),
    on: (name, listener) => emitter.on(name, listener),
    async close() {
      if (isClosed) return;
      isClosed = true;
      for (const inference of pending) inference.abort("The engine was closed");
      runs?.close();
      await compute.close();
    },
  };
}

function connectRuns(
  dial: Dial,
  options: DeviceEngineOptions,
  network: NetworkInfo,
  clock: Clock,
  events: ConnectionEvents,
): RemoteRuns {
  const maxInFlight = options.maxInFlight ?? 16;
  return new RemoteRuns(
    {
      dial,
      network,
      clock,
      rng: options.rng ?? createRng(Date.now()),
      agent: options.agent ?? "spinn",
      limits: { maxMessageBytes: MAX_PING_BYTES + 4 * network.classes, maxTensorBytes: 0, maxInFlight },
      timings: {
        connectTimeoutMs: 5000,
        pingIntervalMs: 5000,
        stallTimeoutMs: 1500,
        backoff: defaultBackoff,
        ...options.link,
      },
      maxInFlight,
      maxWaiting: options.maxWaiting ?? 64,
      maxBufferedBytes: options.maxBufferedBytes ?? 262_144,
      ...(options.wakeUps && { wakeUps: options.wakeUps }),
    },
    events,
  );
}

/** Timers are late when the machine is busy: what was seen of it lately, at least 2 ms and at most 15. */
function deadlineMargin(): Surroundings["margin"] {
  let lateMs = 0;
  return {
    get ms() {
      return Math.min(15, 2 + lateMs);
    },
    late(ms) {
      lateMs = Math.max(ms, 0.9 * lateMs);
    },
  };
}
