// Dialling a server from a page or a web worker, over the platform's WebSocket. It tells less than Node's: neither why a
// server cannot be reached nor how long a message will be, which is here before it can be refused.

import { SpinnError } from "../errors.ts";
import { subprotocolsOf, type Token, tokenText } from "./bearer.ts";
import type { Connection, ConnectionHandlers, Dial } from "./transport.ts";
import { checkWebSocketUrl, endings, shortened, shownUrl } from "./websocket-closing.ts";

export interface BrowserDialOptions {
  /** Give up on a server that does not answer after this long. @default 5000 */
  readonly handshakeTimeoutMs?: number;
  /** Proves who this is to a server that asks; a function is asked for each connection. Sent as a subprotocol. @default none */
  readonly token?: Token;
}

/**
 * @param url `ws://host:port` or `wss://host:port`; a page that came by https may open the latter only
 * @throws {RangeError} for another URL
 * @example const dial = browserDial("wss://example.org/");
 */
export function browserDial(url: string, options: BrowserDialOptions = {}): Dial {
  const { handshakeTimeoutMs = 5000, token } = options;
  checkWebSocketUrl(url);
  const shown = shownUrl(url);
  return async (handlers, { maxMessageBytes, signal }) => {
    const protocols = token === undefined ? [] : subprotocolsOf(await tokenText(token));
    return await new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(abortedError(shown));
      const socket = new WebSocket(url, protocols);
      let why = "the browser does not say why";
      const giveUp = (reason: string) => (): void => {
        why = reason;
        socket.close();
      };
      const abort = giveUp("stopped");
      const timer = setTimeout(giveUp(`no answer within ${handshakeTimeoutMs} ms`), handshakeTimeoutMs);
      const settled = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        socket.onopen = null;
        socket.onclose = null;
      };
      signal?.addEventListener("abort", abort, { once: true });
      socket.onopen = () => {
        settled();
        resolve(new BrowserConnection(socket, shown, handlers, maxMessageBytes));
      };
      // comes after a failure, too
      socket.onclose = () => {
        settled();
        reject(signal?.aborted ? abortedError(shown) : unreachable(shown, why));
      };
    });
  };
}

/** Of the WebSocket protocol: what a page may close with. The ones from 4000 on are ours. */
const NORMAL = 1000;
const UNSUPPORTED_DATA = 4003;
const TOO_BIG = 4009;

class BrowserConnection implements Connection {
  readonly peer: string;
  readonly #socket: WebSocket;
  readonly #handlers: ConnectionHandlers;
  #isClosed = false;
  readonly #offline = (): void => this.#close(NORMAL, "offline");

  /** @param socket open */
  constructor(socket: WebSocket, url: string, handlers: ConnectionHandlers, maxMessageBytes: number) {
    this.peer = url;
    this.#socket = socket;
    this.#handlers = handlers;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (this.#isClosed) return;
      if (typeof data === "string") this.#close(UNSUPPORTED_DATA, "a message is text");
      else if (data.byteLength <= maxMessageBytes) handlers.message(new Uint8Array(data));
      else this.#close(TOO_BIG, `a message of ${data.byteLength} bytes exceeds ${maxMessageBytes}`);
    };
    socket.onclose = ({ code, reason }) => this.#end(reason || endings[code] || `${code}`);
    // A socket without a network notices after minutes; the browser knows at once.
    globalThis.addEventListener("offline", this.#offline);
  }

  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#socket.bufferedAmount;
  }

  send(message: Uint8Array): void {
    if (!this.#isClosed) this.#socket.send(message as Uint8Array<ArrayBuffer>);
  }

  close(reason = "closed"): void {
    this.#close(NORMAL, reason);
  }

  #close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#socket.close(code, shortened(reason));
    this.#stop();
    queueMicrotask(() => this.#handlers.closed(reason));
  }

  #end(reason: string): void {
    if (this.#isClosed) return;
    this.#stop();
    this.#handlers.closed(reason);
  }

  #stop(): void {
    this.#isClosed = true;
    globalThis.removeEventListener("offline", this.#offline);
  }
}

function abortedError(url: string): SpinnError {
  return new SpinnError("Aborted", `Stopped while connecting to ${url}`);
}

function unreachable(url: string, why: string): SpinnError {
  const hint = "Check that a server runs there and that the page may reach it";
  return new SpinnError("Connection", `Cannot connect to ${url}: ${why}`, { hint });
}
