// Who is let in at a WebSocket server, before a handshake is answered: how many in all and from one address, how many new ones a second,
// pages of which origins, and by which token.

import type { IncomingMessage, Server } from "node:http";
import { TokenBucket } from "../token-bucket.ts";
import { bearerOf } from "./bearer.ts";
import { clientAddress } from "./client-address.ts";
import type { Introduction } from "./websocket-connection.ts";

export interface DoorOptions {
  /** Devices at once; more are told that the service is unavailable (503). @default 1024 */
  readonly maxConnections?: number;
  /** Sockets of one address (of IPv6, one /64) at once, HTTP included; further ones hear 429. @default a quarter of `maxConnections`, 64 at least */
  readonly maxConnectionsPerAddress?: number;
  /**
   * New sockets a second from one address, HTTP included; two seconds' worth at once. Further ones are closed before anything is read:
   * even a refusal costs others. @default 200
   */
  readonly maxNewConnectionsPerSecond?: number;
  /**
   * May pages of this origin connect? Asked only where there is one: programs that are no browsers say none.
   *
   * @param host that the request is for. @default all may
   */
  readonly allowsOrigin?: (origin: string, host: string | undefined) => boolean;
  /** Who shows this token? @default nobody is asked */
  readonly identify?: (token: string | undefined) => Promise<Introduction>;
  /** Hears of who is not let in. */
  readonly onTurnedAway?: (event: TurnedAway) => void;
}

export interface TurnedAway {
  /** Address and port. */
  readonly peer: string;
  /** Of the HTTP answer. */
  readonly status: number;
  readonly reason: string;
}

/** Sockets beyond the limit of an address that still hear why; further ones are closed without a word. */
const TOLD = 32;
/** An address that may have its whole share at once again is forgotten when there are so many. */
const REMEMBERED = 4096;

/** What is known of an address. */
interface Visitor {
  sockets: number;
  readonly arrivals: TokenBucket;
}

export class WebSocketDoor {
  readonly #options: DoorOptions;
  readonly #most: number;
  readonly #mostOfAddress: number;
  readonly #mostNew: number;
  readonly #visitors = new Map<string, Visitor>();

  /** @throws {RangeError} for amounts that are none */
  constructor(options: DoorOptions) {
    const { maxConnections = 1024, maxNewConnectionsPerSecond = 200 } = options;
    const { maxConnectionsPerAddress = Math.max(64, Math.ceil(maxConnections / 4)) } = options;
    for (const [name, value] of Object.entries({
      maxConnections,
      maxConnectionsPerAddress,
      maxNewConnectionsPerSecond,
    }))
      if (!(value > 0)) throw new RangeError(`${name} must be positive, not ${value}`);
    this.#options = options;
    this.#most = maxConnections;
    this.#mostOfAddress = maxConnectionsPerAddress;
    this.#mostNew = maxNewConnectionsPerSecond;
  }

  /** Counts the sockets of a server, asked for or not: who opens many and says nothing counts, too. */
  watch(server: Server): void {
    server.on("connection", (socket) => {
      const peer = `${socket.remoteAddress}:${socket.remotePort}`;
      const nowMs = performance.now();
      const visitor = this.#visitor(clientAddress(socket.remoteAddress), nowMs);
      if (visitor.arrivals.take(1, nowMs) > 0) {
        socket.destroy();
        this.#options.onTurnedAway?.({ peer, ...this.#tooFast });
        return;
      }
      visitor.sockets++;
      socket.once("close", () => {
        visitor.sockets--;
      });
      if (visitor.sockets <= this.#mostOfAddress + TOLD) return;
      this.#options.onTurnedAway?.({ peer, ...this.#tooMany });
      socket.destroy();
    });
  }

  #visitor(address: string, nowMs: number): Visitor {
    const known = this.#visitors.get(address);
    if (known) return known;
    if (this.#visitors.size >= REMEMBERED)
      for (const [other, { sockets, arrivals }] of this.#visitors)
        if (sockets === 0 && arrivals.isFull(nowMs)) this.#visitors.delete(other);
    const visitor = { sockets: 0, arrivals: new TokenBucket(this.#mostNew, 2 * this.#mostNew, nowMs) };
    this.#visitors.set(address, visitor);
    return visitor;
  }

  /**
   * @param connected devices that are there
   * @returns why a request for a WebSocket, or any at all, is not answered
   */
  whyNot(request: IncomingMessage, connected: number): TurnedAway | undefined {
    const { headers, socket } = request;
    const { allowsOrigin = () => true } = this.#options;
    const peer = peerOf(request);
    const isMany = (this.#visitors.get(clientAddress(socket.remoteAddress))?.sockets ?? 0) > this.#mostOfAddress;
    if (isMany) return { peer, ...this.#tooMany };
    if (connected >= this.#most) return { peer, status: 503, reason: "Too many devices are connected" };
    const { origin, host } = headers;
    if (origin !== undefined && headers.upgrade !== undefined && !allowsOrigin(origin, host))
      return { peer, status: 403, reason: "Pages of this origin may not connect" };
    return undefined;
  }

  get #tooMany(): Omit<TurnedAway, "peer"> {
    return { status: 429, reason: `More than ${this.#mostOfAddress} connections from one address` };
  }

  get #tooFast(): Omit<TurnedAway, "peer"> {
    return { status: 429, reason: `More than ${this.#mostNew} new connections a second from one address` };
  }

  /** Who that is, as far as it is known. */
  async introduce({ headers, socket }: IncomingMessage): Promise<Introduction> {
    const address = clientAddress(socket.remoteAddress);
    const token = bearerOf(headers.authorization, headers["sec-websocket-protocol"]);
    return { ...(await this.#options.identify?.(token)), address };
  }
}

export function peerOf({ socket }: IncomingMessage): string {
  return `${socket.remoteAddress}:${socket.remotePort}`;
}
