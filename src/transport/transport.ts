// How messages get from one process to another. A transport keeps messages apart and in order and knows nothing of what
// they say; a lost connection is a fact, reported once.

export interface Connection {
  /** For logs: the other side, or the kind of transport. */
  readonly peer: string;
  /** Who is at the other end, where that was proved while connecting; never by what it says later. */
  readonly client?: string;
  /** How long that is good, in milliseconds from connecting. @default for ever */
  readonly clientForMs?: number;
  /** Why it was not proved where it has to be, in one line for the other end; there is no `client` then. */
  readonly problem?: string;
  /** What tells apart clients that do not say who they are: whoever has this in common shares what one may use. */
  readonly address?: string;
  /** Bytes handed to `send` that have not left this process. */
  readonly bufferedBytes: number;
  /** Sends one message; after the connection has closed, nothing happens. The bytes are left alone until they are sent. */
  send(message: Uint8Array): void;
  /** Reads nothing more for so long, so that the other side has to wait; what has been read already still comes. @default it cannot */
  pause?(ms: number): void;
  /** Closes; `reason` is for the other side's log. Twice: nothing happens. */
  close(reason?: string): void;
}

/** Called in order of events, never from inside `send`, and not after `closed`. */
export interface ConnectionHandlers {
  message(bytes: Uint8Array): void;
  /** Once, whoever closed. */
  closed(reason: string): void;
}

export interface DialOptions {
  /** Longest message taken from the peer: whoever sends a longer one is cut off before it is allocated. */
  readonly maxMessageBytes: number;
  readonly signal?: AbortSignal;
}

/** Opens a connection. @throws {SpinnError} Connection when the peer cannot be reached, Aborted */
export type Dial = (handlers: ConnectionHandlers, options: DialOptions) => Promise<Connection>;

/** Takes a new connection; returns who handles it. */
export type Accept = (connection: Connection) => ConnectionHandlers;

export interface Listener {
  /** Where to dial, e.g. `ws://127.0.0.1:8484`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}
