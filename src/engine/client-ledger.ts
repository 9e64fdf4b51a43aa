// What each client may use, and has used: runs and bytes a second, runs at a time, bytes and computing in a window. A client is
// whoever has proved who it is, on however many connections; where nobody has to, the address that they come from.

import { TokenBucket } from "../token-bucket.ts";
import type { RefuseCode } from "../wire/message.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Answered } from "./compute.ts";

/** Of one client. What is absent is not limited. */
export interface ClientLimits {
  /** On average; two seconds' worth, and one at least, may come at once. */
  readonly runsPerSecond?: number | undefined;
  /** Received, on average; two seconds' worth may come at once. Who goes on sending beyond that is sent away. */
  readonly bytesPerSecond?: number | undefined;
  /** Runs without an answer, over all its connections. */
  readonly maxInFlight?: number | undefined;
  readonly quota?: ClientQuota | undefined;
}

/** Begins anew with the first use after a window has ended. */
export interface ClientQuota {
  /** @default 3 600 000: an hour */
  readonly windowMs?: number | undefined;
  /** Received. */
  readonly bytes?: number | undefined;
  /** Time of computing: of a batch, an image's share. */
  readonly computeMs?: number | undefined;
}

/** Why a client may not. */
export interface Denial {
  readonly code: Extract<RefuseCode, "rate-limited" | "quota">;
  /** One line, for the client. */
  readonly reason: string;
  /** Sooner it is of no use. */
  readonly waitMs: number;
}

/** One client's use, through one of its connections. */
export interface Account {
  /** Bytes have come. @returns why the connection is to end, when they are far too many */
  received(bytes: number): Denial | undefined;
  /** A message has come. @returns for how many milliseconds nothing more of this client's should be read; mostly 0 */
  heard(): number;
  /** A run wants to begin. @returns why not; otherwise `ended` follows */
  begin(): Denial | undefined;
  /** A run that began has ended. */
  ended(computeMs: number): void;
  /** The connection has ended. */
  close(): void;
}

/** What may come at once, in seconds of the rate. */
const BURST_SECONDS = 2;
const HOUR_MS = 3_600_000;
/** Clients that are remembered, connected or not. */
const MAX_CLIENTS = 16_384;

interface Use {
  readonly client: string;
  readonly runs: TokenBucket | undefined;
  readonly bytes: TokenBucket | undefined;
  messages: TokenBucket | undefined;
  connections: number;
  inFlight: number;
  windowEndMs: number;
  windowBytes: number;
  windowComputeMs: number;
}

export class ClientLedger {
  readonly #limits: ClientLimits;
  readonly #clock: Clock;
  /** In the order of their last connection. */
  readonly #uses = new Map<string, Use>();

  /** @throws {RangeError} for a limit that is not positive */
  constructor(limits: ClientLimits, clock: Clock = systemClock) {
    const { quota = {}, ...rest } = limits;
    for (const [name, value] of Object.entries({ ...rest, ...quota }))
      if (value !== undefined && !(value > 0)) throw new RangeError(`${name} must be positive, not ${value}`);
    this.#limits = limits;
    this.#clock = clock;
  }

  /** How many clients are remembered. */
  get size(): number {
    return this.#uses.size;
  }

  /** @param messagesPerSecond on average, over all connections. @default as many as it likes */
  open(client: string, messagesPerSecond?: number): Account {
    const use = this.#uses.get(client) ?? this.#newUse(client);
    if (messagesPerSecond !== undefined) use.messages ??= this.#bucket(messagesPerSecond, 1);
    this.#uses.delete(client);
    this.#uses.set(client, use);
    use.connections++;
    if (this.#uses.size > MAX_CLIENTS) this.#forgetOne();
    return {
      received: (bytes) => this.#received(use, bytes),
      heard: () => this.#heard(use, messagesPerSecond),
      begin: () => this.#begin(use),
      ended: (computeMs) => {
        use.inFlight--;
        use.windowComputeMs += computeMs;
      },
      close: () => {
        use.connections--;
        if (this.#isLikeNew(use)) this.#uses.delete(client);
      },
    };
  }

  #newUse(client: string): Use {
    const { runsPerSecond, bytesPerSecond } = this.#limits;
    return {
      client,
      runs: runsPerSecond === undefined ? undefined : this.#bucket(runsPerSecond, 1),
      bytes: bytesPerSecond === undefined ? undefined : this.#bucket(bytesPerSecond, 0),
      messages: undefined,
      connections: 0,
      inFlight: 0,
      windowEndMs: 0,
      windowBytes: 0,
      windowComputeMs: 0,
    };
  }

  #bucket(perSecond: number, least: number): TokenBucket {
    return new TokenBucket(perSecond, Math.max(least, BURST_SECONDS * perSecond), this.#clock.now());
  }

  #received(use: Use, bytes: number): Denial | undefined {
    const nowMs = this.#clock.now();
    this.#turnWindow(use, nowMs);
    use.windowBytes += bytes;
    use.bytes?.spend(bytes, nowMs);
    const { bytesPerSecond = 0 } = this.#limits;
    // a run that is refused has come all the same: who goes on is not read any longer
    return use.bytes && use.bytes.levelAt(nowMs) < -2 * BURST_SECONDS * bytesPerSecond
      ? this.#tooManyBytes(use.bytes, nowMs)
      : undefined;
  }

  #heard({ messages }: Use, perSecond = Number.POSITIVE_INFINITY): number {
    if (!messages) return 0;
    const nowMs = this.#clock.now();
    messages.spend(1, nowMs);
    return Math.max(0, (-1000 * messages.levelAt(nowMs)) / perSecond);
  }

  #begin(use: Use): Denial | undefined {
    const nowMs = this.#clock.now();
    const { maxInFlight = Number.POSITIVE_INFINITY, runsPerSecond, quota } = this.#limits;
    this.#turnWindow(use, nowMs);
    if (use.inFlight >= maxInFlight)
      return limited(`More than ${maxInFlight} runs of this client are without an answer`, 0);
    if (quota) {
      const { bytes = Number.POSITIVE_INFINITY, computeMs = Number.POSITIVE_INFINITY } = quota;
      const leftMs = use.windowEndMs - nowMs;
      if (use.windowBytes > bytes) return usedUp(`${bytes} bytes`, leftMs);
      if (use.windowComputeMs >= computeMs) return usedUp(`${computeMs} ms of computing`, leftMs);
    }
    if (use.bytes && use.bytes.levelAt(nowMs) < 0) return this.#tooManyBytes(use.bytes, nowMs);
    const waitMs = use.runs?.take(1, nowMs) ?? 0;
    if (waitMs > 0) return limited(`More than ${runsPerSecond} runs a second`, waitMs);
    use.inFlight++;
    return undefined;
  }

  #tooManyBytes(bucket: TokenBucket, nowMs: number): Denial {
    const { bytesPerSecond = 1 } = this.#limits;
    return limited(`More than ${bytesPerSecond} bytes a second`, (-1000 * bucket.levelAt(nowMs)) / bytesPerSecond);
  }

  #turnWindow(use: Use, nowMs: number): void {
    if (nowMs < use.windowEndMs) return;
    use.windowEndMs = nowMs + (this.#limits.quota?.windowMs ?? HOUR_MS);
    use.windowBytes = 0;
    use.windowComputeMs = 0;
  }

  /** Nothing is lost when it is forgotten. */
  #isLikeNew({ connections, inFlight, runs, bytes, messages, windowEndMs }: Use): boolean {
    const nowMs = this.#clock.now();
    const isRested = [runs, bytes, messages].every((bucket) => bucket?.isFull(nowMs) ?? true);
    return connections === 0 && inFlight === 0 && isRested && (!this.#limits.quota || nowMs >= windowEndMs);
  }

  /** Whoever has been away longest. */
  #forgetOne(): void {
    for (const { client, connections, inFlight } of this.#uses.values()) {
      if (connections > 0 || inFlight > 0) continue;
      this.#uses.delete(client);
      return;
    }
  }
}

function limited(what: string, waitMs: number): Denial {
  const when = waitMs >= 1 ? `; again in ${Math.ceil(waitMs)} ms` : "";
  return { code: "rate-limited", reason: `${what}${when}`, waitMs };
}

function usedUp(what: string, waitMs: number): Denial {
  return { code: "quota", reason: `The quota of ${what} is used up for ${Math.ceil(waitMs / 1000)} s`, waitMs };
}

/** Of the server's time: of a batch, an image's share. */
export function shareMsOf({ times }: Answered): number {
  return times.slices.reduce((sum, { ms, batch = 1 }) => sum + ms / batch, times.unpackMs);
}
