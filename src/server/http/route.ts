// What the server answers over HTTP, as a table of routes; and what a handler is told and says, with no socket in sight.

import type { IncomingHttpHeaders } from "node:http";

export type Method = "GET" | "POST";

/**
 * Who may ask. `public`: whoever reaches the server, such as for the pages' own code. `device`: whoever may use a network.
 * `operator`: whoever may look at the server itself.
 */
export type Access = "public" | "device" | "operator";

export interface HttpRequest {
  /** HEAD comes as GET. */
  readonly method: Method;
  /** As it was sent, without the query; begins with a slash. */
  readonly path: string;
  /** With its question mark; empty when there is none. */
  readonly search: string;
  readonly headers: IncomingHttpHeaders;
  /** Who asks, where that was proved; otherwise the address that it comes from. */
  readonly client: string;
  /** Aborts when nobody waits for the answer any longer. */
  readonly signal: AbortSignal;
  /** @throws {HttpError} 413 when it is longer, 400 when it breaks off */
  body(maxBytes: number): Promise<Uint8Array>;
}

export interface Reply {
  /** @default 200 */
  readonly status?: number;
  readonly contentType: string;
  /** Sent whole, with an entity tag, and compressed if that pays; or as it comes, until whoever asked has left. */
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array>;
  /** @default "no-store" */
  readonly cacheControl?: string;
  /** Any others. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Route {
  /** Segments; `:name` stands for any one, decoded. @example "/models/:hash/:file" */
  readonly path: string;
  readonly access: Access;
  /** May pages of other origins read it, those that the server allows? @default false */
  readonly crossOrigin?: boolean;
  readonly get?: Handler;
  readonly post?: Handler;
}

/** @param parts what stands for the path's `:name`s. @throws {HttpError} to answer with an error */
export type Handler = (request: HttpRequest, parts: Readonly<Record<string, string>>) => Reply | Promise<Reply>;

export function json(value: unknown, rest: Partial<Reply> = {}): Reply {
  return { contentType: "application/json", body: JSON.stringify(value), ...rest };
}
