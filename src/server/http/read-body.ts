// The body of a request, as far as it is wanted.

import type { IncomingMessage } from "node:http";
import { HttpError } from "./http-error.ts";

/** Whoever sends more than we take is not listened to any longer. */
const HANG_UP = { Connection: "close" };

/** @throws {HttpError} 413 as soon as it is known to be longer, 400 when it breaks off, 415 when it is compressed */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = (): HttpError => new HttpError(413, `The body is longer than ${maxBytes} bytes`, HANG_UP);
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") throw new HttpError(415, "The body must not be compressed", HANG_UP);
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    // not by iterating: leaving a loop over a request would destroy the socket before the answer
    await new Promise<void>((resolve, reject) => {
      request.on("data", (part: Uint8Array) => {
        length += part.length;
        if (length > maxBytes) reject(tooLarge());
        else parts.push(part);
      });
      request
        .on("end", resolve)
        .on("error", reject)
        .on("close", () => reject(new Error("closed")));
    });
  } catch (error) {
    request.pause().removeAllListeners("data");
    throw error instanceof HttpError ? error : new HttpError(400, "The body broke off", HANG_UP);
  }
  // no Buffer, whose slices share its memory
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.length;
  }
  return body;
}
