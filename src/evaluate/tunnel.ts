// One connection through an emulated link: two sockets, and what goes from one to the other by way of the link's lanes.

import { connect, type Socket } from "node:net";
import type { Lane } from "./lane.ts";
import { resetSocket } from "./reset-socket.ts";

export type Direction = "up" | "down";

/** What a lane carries: something that happens when it arrives. */
export type Arrival = () => void;

/** The link as a tunnel sees it. */
export interface TunnelLink {
  readonly lanes: Readonly<Record<Direction, Lane<Arrival>>>;
  readonly target: { readonly host: string; readonly port: number };
  readonly maxQueuedBytes: number;
  now(): number;
  /** Something entered a lane. */
  wake(direction: Direction): void;
  delivered(direction: Direction, bytes: number): void;
  /** Asked when data arrives: shall the connection break in the middle of it? */
  breaksHere(direction: Direction, bytes: number): boolean;
  gone(tunnel: Tunnel): void;
}

/** Why nothing is read from a socket. */
type Hold = "handshake" | "queue full" | "receiver full";

interface End {
  readonly socket: Socket;
  readonly holds: Set<Hold>;
}

/** A TCP segment on Ethernet: the least that is sent at once. */
const MIN_PIECE_BYTES = 1460;
const MAX_PIECE_BYTES = 65536;

export class Tunnel {
  readonly #link: TunnelLink;
  readonly #client: End;
  #server: End | undefined;
  #dead = false;

  constructor(client: Socket, link: TunnelLink) {
    this.#link = link;
    this.#client = { socket: client, holds: new Set() };
    client.setNoDelay(true);
    // No proxy can hold up the handshake of its own listener. What it can: pass on nothing before a handshake over the link
    // would have been over. It takes the way there, the real handshake, and the way back.
    this.#hold(this.#client, "handshake");
    this.#read(this.#client, "up");
    this.#enter("up", 0, () => this.#dial());
  }

  /** The queue of a direction has room again. */
  resume(direction: Direction): void {
    const from = direction === "up" ? this.#client : this.#server;
    if (from) this.#release(from, "queue full");
  }

  /** Breaks the connection on both sides, at once; whatever is under way is lost. */
  break(): void {
    if (this.#dead) return;
    this.#dead = true;
    for (const end of [this.#client, this.#server]) if (end) resetSocket(end.socket);
    for (const lane of Object.values(this.#link.lanes)) lane.drop(this);
    this.#link.gone(this);
  }

  #dial(): void {
    const socket = connect({ ...this.#link.target, allowHalfOpen: true, noDelay: true });
    const server: End = { socket, holds: new Set() };
    this.#server = server;
    socket.once("connect", () => this.#enter("down", 0, () => this.#release(this.#client, "handshake")));
    this.#read(server, "down");
  }

  #read(from: End, direction: Direction): void {
    const { socket } = from;
    const lane = this.#link.lanes[direction];
    const to = (): Socket | undefined => (direction === "up" ? this.#server?.socket : this.#client.socket);
    socket.on("data", (chunk: Buffer) => {
      const bytesAMs = lane.shape.capacity.bitsPerSecondAt(this.#link.now()) / 8000;
      const pieceBytes = Math.min(MAX_PIECE_BYTES, Math.max(MIN_PIECE_BYTES, Math.floor(bytesAMs)));
      for (let at = 0; at < chunk.length; at += pieceBytes) {
        const piece = chunk.subarray(at, at + pieceBytes);
        this.#enter(direction, piece.length, () => this.#deliver(direction, piece, from, to()));
      }
      if (lane.queuedBytes > this.#link.maxQueuedBytes) this.#hold(from, "queue full");
    });
    socket.on("end", () => this.#enter(direction, 0, () => to()?.end()));
    socket.on("error", () => {}); // close says it again
    socket.on("close", (hadError) => {
      this.#enter(direction, 0, () => {
        const socket = to();
        if (hadError && socket) resetSocket(socket);
        else socket?.end();
        if (this.#client.socket.destroyed && (this.#server?.socket.destroyed ?? true)) this.break();
      });
    });
  }

  #deliver(direction: Direction, piece: Buffer, from: End, to: Socket | undefined): void {
    if (!to || to.destroyed || to.writableEnded) return;
    if (this.#link.breaksHere(direction, piece.length)) {
      const half = piece.subarray(0, piece.length >> 1);
      this.#link.delivered(direction, half.length);
      to.write(half, () => this.break());
      return;
    }
    this.#link.delivered(direction, piece.length);
    if (to.write(piece) || from.holds.has("receiver full")) return;
    this.#hold(from, "receiver full");
    to.once("drain", () => this.#release(from, "receiver full"));
  }

  #enter(direction: Direction, bytes: number, arrival: Arrival): void {
    if (this.#dead) return;
    this.#link.lanes[direction].enter(this.#link.now(), this, bytes, arrival);
    this.#link.wake(direction);
  }

  #hold(end: End, why: Hold): void {
    end.holds.add(why);
    end.socket.pause();
  }

  #release(end: End, why: Hold): void {
    if (end.holds.delete(why) && end.holds.size === 0) end.socket.resume();
  }
}
