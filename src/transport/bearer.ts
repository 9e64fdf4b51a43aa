// How a client proves who it is while it connects: by a token, as a header where headers can be set, and in a page, where they
// cannot, as one of the WebSocket subprotocols that it offers. Never in a URL, which ends up in logs.

import { SpinnError } from "../errors.ts";

/** A token, or what gets one: asked before each attempt to connect, so that it may be renewed. */
export type Token = string | (() => string | Promise<string>);

/** What a server that is asked for it speaks; it never repeats a token. */
export const SUBPROTOCOL = "spinn.1";
const PREFIX = "bearer.";

/** What goes both into a header (RFC 6750) and into a subprotocol (RFC 6455). JSON Web Tokens are of that kind. */
const WORD = /^[A-Za-z0-9._~+-]{1,4096}$/;

export function isTokenText(text: string): boolean {
  return WORD.test(text);
}

/** @throws {RangeError} for a text that is no token, which is not repeated; {SpinnError} Connection when it cannot be had */
export async function tokenText(token: Token): Promise<string> {
  let text: string;
  try {
    text = typeof token === "string" ? token : await token();
  } catch (cause) {
    // What it says may hold what it was given.
    throw new SpinnError("Connection", "No token could be had", { hint: "Look at what `token` throws", cause });
  }
  if (typeof text === "string" && isTokenText(text)) return text;
  throw new RangeError("A token must consist of letters, digits and . _ ~ + -, at most 4096");
}

/** For `new WebSocket(url, protocols)`. */
export function subprotocolsOf(token: string): string[] {
  return [SUBPROTOCOL, `${PREFIX}${token}`];
}

/**
 * The token in the headers of a request.
 *
 * @returns undefined when there is none
 */
export function bearerOf(authorization: string | undefined, subprotocols: string | undefined): string | undefined {
  const [, fromHeader] = /^bearer +(\S+) *$/i.exec(authorization ?? "") ?? [];
  if (fromHeader !== undefined) return fromHeader;
  const offered = (subprotocols ?? "").split(",").map((name) => name.trim());
  return offered.find((name) => name.startsWith(PREFIX))?.slice(PREFIX.length);
}
