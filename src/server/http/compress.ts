// Which answers are worth compressing, for whom.

import { promisify } from "node:util";
import { gzip } from "node:zlib";

const TEXT = /^(text\/|application\/(json|wasm|javascript)|image\/svg)/;
/** Shorter ones fit into a packet or two as they are. */
const WORTH_BYTES = 1400;
/** Halfway: deeper saves little and takes several times as long. */
const LEVEL = 5;

export function isCompressible(contentType: string, sizeBytes: number): boolean {
  return TEXT.test(contentType) && sizeBytes >= WORTH_BYTES;
}

/** @param acceptEncoding as the request says */
export function takesGzip(acceptEncoding: string | string[] | undefined): boolean {
  const names = String(acceptEncoding ?? "")
    .split(",")
    .map((one) => one.trim().toLowerCase());
  return names.some((one) => /^(gzip|\*)(\s*;\s*q=(?!0(\.0*)?$).*)?$/.test(one));
}

/** Not in this thread. */
export async function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return await promisify(gzip)(bytes, { level: LEVEL });
}
