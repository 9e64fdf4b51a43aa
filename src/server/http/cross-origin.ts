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

/** What a browser asks for before a request with headers of a page's own. */
export const preflightHeaders: Readonly<Record<string, string>> = {
  "Access-Control-Allow-Methods": "GET, POST",
  "Access-Control-Allow-Headers": "Authorization, Content-Type, Inference-Header-Content-Length",
  "Access-Control-Max-Age": "600",
};
