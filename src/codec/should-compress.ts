// Whether packing pays on this link (SPINN's CNN communication optimiser: compression is conditional). Plain numbers in, plain
// data out.

import type { CodecName } from "./packed-tensor.ts";

/** What a codec does to the tensors of one cut, profiled offline or measured while running. */
export interface CodecCost {
  readonly codec: CodecName;
  /** Width of values; 32 for `float32`. */
  readonly bits: number;
  /** What travels for one image, all tensors of the cut and the packet's header included. */
  readonly bytes: number;
  /** Time on the device to pack it. */
  readonly encodeMs: number;
  /** Time on the server to unpack it. */
  readonly decodeMs: number;
}

export interface LinkState {
  /** From device to server. */
  readonly bitsPerSecond: number;
  /** How much slower the device is now than when `encodeMs` was measured. @default 1 */
  readonly deviceFactor?: number;
  /** Likewise the server. @default 1 */
  readonly serverFactor?: number;
}

export interface CodecChoice {
  readonly codec: CodecName;
  readonly bits: number;
  /** Packing, transfer and unpacking; the round trip, which is the same for all, is not in it. */
  readonly expectedMs: number;
  /** What it saves against the first candidate; 0 for the first itself. */
  readonly savedMs: number;
}

/**
 * The candidate that gets one image's tensors across soonest.
 *
 * @param candidates at least one; the first is what is taken when nothing else is faster, usually `packed` or `float32`
 * @throws {RangeError} without candidates, or with a bandwidth that is not positive
 * @example chooseCodec([plain, lz4, rans], { bitsPerSecond: 24e6 }).codec
 */
export function chooseCodec(candidates: readonly CodecCost[], link: LinkState): CodecChoice {
  const [first] = candidates;
  if (!first) throw new RangeError("Cannot choose among no codecs");
  if (!(link.bitsPerSecond > 0)) throw new RangeError(`Cannot send at ${link.bitsPerSecond} bits per second`);
  const plainMs = expectedMs(first, link);
  let best = first;
  let bestMs = plainMs;
  for (const candidate of candidates) {
    const ms = expectedMs(candidate, link);
    if (ms < bestMs) {
      best = candidate;
      bestMs = ms;
    }
  }
  return { codec: best.codec, bits: best.bits, expectedMs: bestMs, savedMs: plainMs - bestMs };
}

/** Does `packed` get there sooner than `plain`? */
export function shouldCompress(plain: CodecCost, packed: CodecCost, link: LinkState): boolean {
  return chooseCodec([plain, packed], link).savedMs > 0;
}

function expectedMs(cost: CodecCost, { bitsPerSecond, deviceFactor = 1, serverFactor = 1 }: LinkState): number {
  return cost.encodeMs * deviceFactor + (cost.bytes * 8000) / bitsPerSecond + cost.decodeMs * serverFactor;
}
