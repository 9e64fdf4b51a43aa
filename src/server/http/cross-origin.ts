// Whether a page of another origin may read an answer: what the browser is told. Pure.

import type { IncomingHttpHeaders } from "node:http";

/**
 * @param allowed origins like `https://example.org`; `*`: all
 * @returns headers that let the asking page read, or none
 */
export function crossOriginHeaders(
  { origin }: IncomingHttpHeaders,
  allowed: readonly string[],
): Readonly<Record<string, string>> {
  const all = allowed.includes("*");
  // a cache must not give one origin what was meant for another
  const vary: Record<string, string> = all ? {} : { Vary: "Origin" };
  if (origin === undefined || !(all || allowed.includes(origin))) return vary;
  return {
    ...vary,
    "Access-Control-Allow-Origin": all ? "*" : origin,
    "Access-Control-Expose-Headers": "Repr-Digest, Inference-Header-Content-Length",
    "Cross-Origin-Resource-Policy": "cross-origin",
  };
}

/**
 * May pages of an origin open connections and make the server work: those of the server itself, and those that are allowed?
 *
 * @param allowed as above
 * @throws {RangeError} for what no browser calls an origin, and would never be allowed
 * @returns tells, given the `Origin` and `Host` of a request
 */
export function originRule(allowed: readonly string[]): (origin: string, host: string | undefined) => boolean {
  const wrong = allowed.find((one) => one !== "*" && !(URL.canParse(one) && new URL(one).origin === one));
  if (wrong !== undefined)
    throw new RangeError(`Not an origin: ${JSON.stringify(wrong)}. It must be like https://example.org, or * for all`);
  return (origin, host) =>
    allowed.includes("*") ||
    allowed.includes(origin) ||
    (host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase());
}

/** What a browser asks for before a request with headers of a page's own. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Methods": "GET, POST",
  "Access-Control-Allow-Headers": "Authorization, Content-Type, Inference-Header-Content-Length",
  "Access-Control-Max-Age": "600",
};
