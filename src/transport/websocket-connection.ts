// A WebSocket of the package `ws`, of either side, as a connection: binary messages only, and one report of the end.

import type { RawData, WebSocket } from "ws";
import { messageOf } from "../errors.ts";
import type { Connection, ConnectionHandlers } from "./transport.ts";
import { endings, shortened } from "./websocket-closing.ts";

/** How sockets are opened on both sides. A packet is compressed already. */
export const socketOptions: { readonly perMessageDeflate: false; readonly closeTimeout: number } = {
  perMessageDeflate: false,
  // A peer that does not answer the closing handshake is left; milliseconds.
  closeTimeout: 2000,
};

/** Close codes of the WebSocket protocol. */
const NORMAL = 1000;
const UNSUPPORTED_DATA = 1003;

/** What is known of the other side before it says anything. */
export type Introduction = Pick<Connection, "client" | "clientForMs" | "problem" | "address">;

export class WebSocketConnection implements Connection {
  readonly peer: string;
  readonly client?: string;
  readonly clientForMs?: number;
  readonly problem?: string;
  readonly address?: string;
  readonly #socket: WebSocket;
  #handlers: ConnectionHandlers | undefined;
  /** What went wrong, if something did: the `close` event that follows knows a number only. */
  #failure: string | undefined;
  #isClosed = false;
  /** When it is paused. */
  #resume: NodeJS.Timeout | undefined;

  /** @param socket open, or about to be */
  constructor(socket: WebSocket, peer: string, introduction: Introduction = {}) {
    this.#socket = socket;
    this.peer = peer;
    const { client, clientForMs, problem, address } = introduction;
    if (client !== undefined) this.client = client;
    if (clientForMs !== undefined) this.clientForMs = clientForMs;
    if (problem !== undefined) this.problem = problem;
    if (address !== undefined) this.address = address;
    // Memory of its own for each message, which may then be handed to another thread.
    socket.binaryType = "arraybuffer";
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("error", (error) => {
      this.#failure ??= messageOf(error) || "failed";
    });
    socket.on("close", (code, reason) => this.#end(this.#failure ?? (reason.toString() || endings[code] || `${code}`)));
  }

  /** Who hears of messages and of the end; before either can happen. */
  handledBy(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#socket.bufferedAmount;
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return;
    // A write that fails is followed by `close`, which tells.
    this.#socket.send(message, () => {});
  }

  pause(ms: number): void {
    if (this.#isClosed) return;
    this.#socket.pause();
    clearTimeout(this.#resume);
    this.#resume = setTimeout(() => this.#socket.resume(), ms);
  }

  close(reason = "closed"): void {
    this.#close(NORMAL, reason);
  }

  #close(code: number, reason: string): void {
    if (this.#isClosed) return;
    clearTimeout(this.#resume);
    this.#socket.resume(); // or the other side's goodbye would not be read
    this.#socket.close(code, shortened(reason));
    queueMicrotask(() => this.#handlers?.closed(reason));
    this.#isClosed = true;
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (this.#isClosed) return;
    if (isBinary && data instanceof ArrayBuffer) this.#handlers?.message(new Uint8Array(data));
    else this.#close(UNSUPPORTED_DATA, "a message is text");
  }

  #end(reason: string): void {
    clearTimeout(this.#resume);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#handlers?.closed(reason);
  }
}
