// A link between two processes, emulated in user space: a TCP proxy that delays, slows down and breaks what passes through
// it. No privileges needed. What it imitates and what it does not: docs/link-emulation.md.

import { createServer, type Server } from "node:net";
import { SpinnError } from "../errors.ts";
import { createRng, mixSeed, type Rng } from "../random.ts";
import { type BandwidthTrace, checkTrace } from "./bandwidth-trace.ts";
import { constantCapacity, traceCapacity } from "./capacity.ts";
import { Lane } from "./lane.ts";
import type { LaneShape } from "./link-model.ts";
import { checkLink, type LinkSpec } from "./link-spec.ts";
import { parseLink } from "./parse-link.ts";
import { type Arrival, type Direction, Tunnel, type TunnelLink } from "./tunnel.ts";

export interface EmulateLinkOptions {
  /** Where connections go. */
  readonly target: LinkTarget;
  /** A spec, or what {@link parseLink} understands: `4g`, `24mbps/40ms`. */
  readonly link: LinkSpec | string;
  /** Take the place of the link's bandwidths; they begin now and start again at their end. */
  readonly traces?: LinkTraces;
  /** Of jitter and random cuts. @default 1 */
  readonly seed?: number;
  /** What waits in front of the link in each direction before senders are held up. @default 256 KiB */
  readonly maxQueuedBytes?: number;
}

export interface LinkTarget {
  readonly host: string;
  readonly port: number;
}

export interface LinkTraces {
  readonly up?: BandwidthTrace;
  readonly down?: BandwidthTrace;
}

export interface LinkStats {
  /** Open now. */
  readonly connections: number;
  /** Since the beginning. */
  readonly accepted: number;
  /** How often connections were broken on purpose or at random. */
  readonly cuts: number;
  readonly upBytes: number;
  readonly downBytes: number;
}

export interface EmulatedLink {
  /** On 127.0.0.1. */
  readonly port: number;
  /** The same address by way of the link: `ws://far:8484/x` becomes `ws://127.0.0.1:PORT/x`. */
  url(base: string): string;
  /** Another link from now on, within some 5 ms; connections stay, and so does what has left. */
  set(link: LinkSpec | string, traces?: LinkTraces): void;
  /** Where new connections go from now on; those that are open stay. */
  redirect(target: LinkTarget): void;
  /** Breaks all connections at once; new ones may come. */
  cut(): void;
  /** Lets the next data in a direction pass by half and breaks its connection there. */
  cutMidFrame(direction?: Direction): void;
  /** Nothing arrives any more, in both directions, as when a phone enters a tunnel; no connection is told. */
  freeze(): void;
  /** What a freeze held back arrives. */
  thaw(): void;
  /** A freeze that ends by itself. */
  stall(ms: number): void;
  readonly stats: LinkStats;
  /** Breaks all connections and stops listening. */
  close(): Promise<void>;
}

/**
 * Listens on a free port of 127.0.0.1 and passes everything on to `target` as over the link. All connections share it.
 *
 * @throws {SpinnError} Usage for a link in words that makes no sense; Connection when no port is free
 * @throws {RangeError} for a link or trace that cannot be
 * @example const link = await emulateLink({ target: { host: "127.0.0.1", port: 8484 }, link: "24mbps/40ms" });
 */
export async function emulateLink(options: EmulateLinkOptions): Promise<EmulatedLink> {
  let { target } = options;
  const { seed = 1, maxQueuedBytes = 256 * 1024 } = options;
  if (!(maxQueuedBytes > 0)) throw new RangeError(`maxQueuedBytes must be positive, not ${maxQueuedBytes}`);
  const startMs = performance.now();
  const now = (): number => performance.now() - startMs;
  const shapes = shapesOf(options.link, options.traces, 0);
  const lanes = {
    up: new Lane<Arrival>(shapes.up, createRng(mixSeed(seed, 1))),
    down: new Lane<Arrival>(shapes.down, createRng(mixSeed(seed, 2))),
  };
  const tunnels = new Set<Tunnel>();
  const counts = { accepted: 0, cuts: 0, upBytes: 0, downBytes: 0 };
  const breaking = new Set<Direction>();

  const pump = (direction: Direction): void => {
    const lane = lanes[direction];
    for (const arrival of lane.take(now())) arrival();
    if (lane.queuedBytes <= maxQueuedBytes / 2) for (const tunnel of tunnels) tunnel.resume(direction);
    wake(direction);
  };
  const alarms = { up: new Alarm(() => pump("up")), down: new Alarm(() => pump("down")) };
  const wake = (direction: Direction): void => {
    const lane = lanes[direction];
    alarms[direction].set(lane.nextMs - now(), lane.isTail);
  };

  const around: TunnelLink = {
    lanes,
    maxQueuedBytes,
    get target() {
      return target;
    },
    now,
    wake,
    delivered: (direction, bytes) => {
      counts[`${direction}Bytes`] += bytes;
    },
    breaksHere: (direction, bytes) => {
      const breaks = bytes > 1 && breaking.delete(direction);
      if (breaks) counts.cuts++;
      return breaks;
    },
    gone: (tunnel) => tunnels.delete(tunnel),
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    counts.accepted++;
    tunnels.add(new Tunnel(socket, around));
  });
  const port = await listen(server);

  const cut = (): void => {
    counts.cuts++;
    for (const tunnel of [...tunnels]) tunnel.break();
  };
  const cuts = new RandomCuts(cut, createRng(mixSeed(seed, 3)));
  cuts.set(specOf(options.link).cutsPerSecond ?? 0);
  let thawTimer: NodeJS.Timeout | undefined;
  let stalledUntilMs = 0;
  const freeze = (): void => {
    clearTimeout(thawTimer);
    stalledUntilMs = Infinity;
    for (const lane of Object.values(lanes)) lane.freeze();
  };
  const thaw = (): void => {
    clearTimeout(thawTimer);
    stalledUntilMs = 0;
    for (const direction of ["up", "down"] as const) {
      lanes[direction].thaw(now());
      wake(direction);
    }
  };

  return {
    port,
    url(base) {
      const url = new URL(base);
      url.hostname = "127.0.0.1";
      url.port = String(port);
      return url.href;
    },
    set(link, traces) {
      const next = shapesOf(link, traces, now());
      for (const direction of ["up", "down"] as const) {
        lanes[direction].reshape(next[direction]);
        wake(direction);
      }
      cuts.set(specOf(link).cutsPerSecond ?? 0);
    },
    redirect(next) {
      target = next;
    },
    cut,
    cutMidFrame: (direction = "up") => void breaking.add(direction),
    freeze,
    thaw,
    stall(ms) {
      const untilMs = Math.max(stalledUntilMs, now() + ms);
      freeze();
      stalledUntilMs = untilMs;
      if (untilMs < Infinity) thawTimer = setTimeout(thaw, untilMs - now());
    },
    get stats() {
      return { connections: tunnels.size, ...counts };
    },
    async close() {
      clearTimeout(thawTimer);
      cuts.set(0);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const tunnel of [...tunnels]) tunnel.break();
      for (const alarm of Object.values(alarms)) alarm.set(Infinity, false);
      await closed;
    },
  };
}

const specOf = (link: LinkSpec | string): LinkSpec => (typeof link === "string" ? parseLink(link) : link);

function shapesOf(link: LinkSpec | string, traces: LinkTraces = {}, beginMs: number): Record<Direction, LaneShape> {
  const spec = specOf(link);
  checkLink(spec);
  for (const trace of Object.values(traces)) checkTrace(trace);
  const shape = (bitsPerSecond: number, trace: BandwidthTrace | undefined): LaneShape => ({
    capacity: trace ? traceCapacity(trace, beginMs) : constantCapacity(bitsPerSecond),
    latencyMs: spec.rttMs / 2,
    jitterMs: spec.jitterMs ?? 0,
  });
  return { up: shape(spec.upBitsPerSecond, traces.up), down: shape(spec.downBitsPerSecond, traces.down) };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) =>
      reject(new SpinnError("Connection", `The emulated link finds no port: ${cause.message}`, { cause })),
    );
    server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
  });
}

/**
 * Rings once, after a time in fractions of a millisecond. A timer counts whole ones; where it matters, what is left of the
 * last one is waited for by asking again and again.
 */
class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  set(waitMs: number, exactly: boolean): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    if (waitMs === Infinity) return;
    if (waitMs <= 0 || (waitMs < 1 && exactly)) this.#immediate = setImmediate(this.#ring);
    else this.#timer = setTimeout(this.#ring, Math.max(1, Math.floor(waitMs)));
  }
}

/** Cuts at random times, as the arrivals of a Poisson process. */
class RandomCuts {
  readonly #cut: () => void;
  readonly #rng: Rng;
  #timer: NodeJS.Timeout | undefined;

  constructor(cut: () => void, rng: Rng) {
    this.#cut = cut;
    this.#rng = rng;
  }

  set(perSecond: number): void {
    clearTimeout(this.#timer);
    if (perSecond === 0) return;
    this.#timer = setTimeout(
      () => {
        this.#cut();
        this.set(perSecond);
      },
      (-Math.log(1 - this.#rng()) / perSecond) * 1000,
    );
  }
}
