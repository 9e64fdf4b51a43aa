// An emulated link in front of a real one, in a page: what is sent and received leaves and arrives as late as it would over the link
// that was chosen. The arithmetic is that of the link emulation for Node (docs/link-emulation.md).

import { type Clock, systemClock } from "../../src/engine/clock.ts";
import { SpinnError } from "../../src/errors.ts";
import { constantCapacity } from "../../src/evaluate/capacity.ts";
import { Lane } from "../../src/evaluate/lane.ts";
import type { LaneShape } from "../../src/evaluate/link-model.ts";
import { checkLink, type LinkSpec } from "../../src/evaluate/link-spec.ts";
import { createRng } from "../../src/random.ts";
import type { Connection, ConnectionHandlers, Dial } from "../../src/transport/transport.ts";

export interface ShapedDial {
  readonly dial: Dial;
  /** From now on; undefined: as fast as the real one. @throws {RangeError} for a link that cannot be */
  shape(link: LinkSpec | undefined): void;
  /** Breaks what is connected, and lets nothing connect until it is false again. */
  setOffline(offline: boolean): void;
}

export interface ShapedDialOptions {
  readonly clock?: Clock;
  /** Of the jitter. @default 1 */
  readonly seed?: number;
}

/** Before the first message there is TCP's handshake and WebSocket's. */
const HANDSHAKES = 2;
const REAL: LaneShape = { capacity: constantCapacity(1e15), latencyMs: 0, jitterMs: 0 };

export function shapedDial(inner: Dial, { clock = systemClock, seed = 1 }: ShapedDialOptions = {}): ShapedDial {
  const rng = createRng(seed);
  const up = new Direction(new Lane<Delivery>(REAL, rng), clock);
  const down = new Direction(new Lane<Delivery>(REAL, rng), clock);
  const connected = new Set<ShapedConnection>();
  let spec: LinkSpec | undefined;
  let isOffline = false;

  const dial: Dial = async (handlers, options) => {
    const fromMs = clock.now();
    if (isOffline) throw offlineError();
    const shaped = new ShapedConnection(up, down, handlers, () => connected.delete(shaped));
    const connection = await inner(shaped.handlers, options);
    const leftMs = HANDSHAKES * (spec?.rttMs ?? 0) - (clock.now() - fromMs);
    if (leftMs > 0) await new Promise<void>((resolve) => void clock.setTimer(resolve, leftMs));
    if (isOffline || options.signal?.aborted) {
      connection.close("offline");
      throw offlineError();
    }
    shaped.open(connection);
    connected.add(shaped);
    return shaped;
  };

  return {
    dial,
    shape(link) {
      if (link) checkLink(link);
      spec = link;
      const half = { latencyMs: (link?.rttMs ?? 0) / 2, jitterMs: link?.jitterMs ?? 0 };
      up.reshape(link ? { ...half, capacity: constantCapacity(link.upBitsPerSecond) } : REAL);
      down.reshape(link ? { ...half, capacity: constantCapacity(link.downBitsPerSecond) } : REAL);
    },
    setOffline(offline) {
      isOffline = offline;
      if (offline) for (const one of [...connected]) one.break("the emulated link is offline");
    },
  };
}

function offlineError(): SpinnError {
  return new SpinnError("Connection", "The emulated link is offline");
}

/** What to do when a message has arrived. */
type Delivery = () => void;

/** A lane and the clock that empties it. */
class Direction {
  readonly #lane: Lane<Delivery>;
  readonly #clock: Clock;
  #timer: () => void = () => undefined;

  constructor(lane: Lane<Delivery>, clock: Clock) {
    this.#lane = lane;
    this.#clock = clock;
  }

  get queuedBytes(): number {
    return this.#lane.queuedBytes;
  }

  reshape(shape: LaneShape): void {
    this.#lane.reshape(shape);
  }

  carry(owner: object, bytes: number, deliver: Delivery): void {
    // without a link to emulate there is nothing to wait for, not even a timer
    if (this.#lane.shape === REAL && this.#lane.nextMs === Number.POSITIVE_INFINITY) {
      deliver();
      return;
    }
    this.#lane.enter(this.#clock.now(), owner, bytes, deliver);
    this.#deliverDue();
  }

  drop(owner: object): void {
    this.#lane.drop(owner);
  }

  #deliverDue(): void {
    for (const deliver of this.#lane.take(this.#clock.now())) deliver();
    // a delivery may have led to the next message, and that to a timer
    this.#timer();
    const { nextMs } = this.#lane;
    if (nextMs === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.setTimer(() => this.#deliverDue(), Math.max(0, nextMs - this.#clock.now()));
  }
}

class ShapedConnection implements Connection {
  /** For the real connection. */
  readonly handlers: ConnectionHandlers;
  readonly #up: Direction;
  readonly #down: Direction;
  readonly #outer: ConnectionHandlers;
  readonly #ended: () => void;
  #connection: Connection | undefined;
  #isOver = false;

  constructor(up: Direction, down: Direction, outer: ConnectionHandlers, ended: () => void) {
    this.#up = up;
    this.#down = down;
    this.#outer = outer;
    this.#ended = ended;
    this.handlers = {
      message: (bytes) => this.#down.carry(this, bytes.length, () => this.#isOver || this.#outer.message(bytes)),
      closed: (reason) => this.#end(reason),
    };
  }

  open(connection: Connection): void {
    this.#connection = connection;
  }

  get peer(): string {
    return this.#connection?.peer ?? "";
  }

  get bufferedBytes(): number {
    return this.#isOver ? 0 : this.#up.queuedBytes + (this.#connection?.bufferedBytes ?? 0);
  }

  send(message: Uint8Array): void {
    if (this.#isOver) return;
    this.#up.carry(this, message.length, () => this.#connection?.send(message));
  }

  close(reason?: string): void {
    if (this.#isOver) return;
    this.#connection?.close(reason);
  }

  /** As if the link had gone. */
  break(reason: string): void {
    this.close(reason);
    queueMicrotask(() => this.#end(reason));
  }

  #end(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#up.drop(this);
    this.#down.drop(this);
    this.#ended();
    this.#outer.closed(reason);
  }
}
