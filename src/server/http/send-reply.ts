// A reply on its way: headers, entity tag, compression, and streams that end when nobody listens.

import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { compress, isCompressible, takesGzip } from "./compress.ts";
import type { Reply } from "./route.ts";

/** @param extra headers of every reply */
export async function sendReply(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  extra: Readonly<Record<string, string>>,
): Promise<void> {
  const { status = 200, contentType, body, cacheControl = "no-store", headers = {} } = reply;
  for (const [name, value] of Object.entries({ ...extra, ...headers })) response.setHeader(name, value);
  response.setHeader("Cache-Control", cacheControl);
  if (contentType !== "") response.setHeader("Content-Type", withCharset(contentType));
  if (typeof body !== "string" && !(body instanceof Uint8Array)) {
    await sendStream(request, response, status, body);
    return;
  }
  let bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (status === 200 && isKept(cacheControl) && isFresh(request, response, bytes)) {
    response.writeHead(304).end();
    return;
  }
  if (!("Content-Encoding" in headers) && isCompressible(contentType, bytes.length)) {
    addVary(response, "Accept-Encoding");
    if (takesGzip(request.headers["accept-encoding"])) {
      bytes = await compress(bytes);
      response.setHeader("Content-Encoding", "gzip");
    }
  }
  response.writeHead(status, { "Content-Length": bytes.length });
  if (request.method === "HEAD") response.end();
  else response.end(bytes);
}

async function sendStream(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: AsyncIterable<string | Uint8Array>,
): Promise<void> {
  response.writeHead(status);
  if (request.method !== "HEAD") {
    response.flushHeaders();
    for await (const part of body) {
      if (response.destroyed) return;
      if (!response.write(part)) await Promise.race([once(response, "drain"), once(response, "close")]);
    }
  }
  response.end();
}

function isKept(cacheControl: string): boolean {
  return cacheControl !== "no-store";
}

/** Sets the entity tag, weak since it is that of every encoding. @returns whether the other side has this already */
function isFresh(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): boolean {
  const tag =
    response.getHeader("ETag") ?? `W/"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  response.setHeader("ETag", tag);
  const known = request.headers["if-none-match"]?.split(",").map((one) => one.trim()) ?? [];
  return known.includes(String(tag)) || known.includes("*");
}

function addVary(response: ServerResponse, name: string): void {
  const before = response.getHeader("Vary");
  response.setHeader("Vary", before ? `${String(before)}, ${name}` : name);
}

function withCharset(contentType: string): string {
  return contentType.startsWith("text/") && !contentType.includes("charset")
    ? `${contentType}; charset=utf-8`
    : contentType;
}
