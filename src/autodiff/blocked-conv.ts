// Convolutions in ONNX Runtime's own blocked layout (channels in blocks of 16 on AVX-512, 8 on AVX2): about twice as fast
// as `Conv` on a CPU, which the runtime uses by itself only for constant weights. Ours change every step, so we write the
// layout out. The operators are the runtime's internal ones (domain com.microsoft.nchwc): whoever wants to use them asks
// `usableBlock` first, with a self-test; everything works without.

import { GraphBuilder } from "../onnx/builder.ts";
import type { Window } from "../onnx/sliding-window.ts";
import { createRng, normal } from "../random.ts";
import type { CreateSession } from "../runtime/runtime.ts";
import { float32, type Tensor } from "../tensor.ts";
import { reshape } from "./emit.ts";

/** Can this convolution be written in blocks of `block` channels? */
export function isBlockable(block: number, weightDims: readonly number[], group: number): boolean {
  return block > 0 && group === 1 && weightDims[0]! % block === 0 && weightDims[1]! % block === 0;
}

/** y = Conv(x, w). x [N, C, H, W], w [O, C, KH, KW], both in the ordinary layout. */
export function blockedConv(
  b: GraphBuilder,
  block: number,
  x: string,
  w: string,
  bias: string | undefined,
  window: Window,
  stem?: string,
): string {
  return inBlocks(b, x, reshape(b, blockedWeights(b, block, w), b.dims(w)), bias, window, stem);
}

/**
 * w [O, C, KH, KW] as [O/B, C/B, taps, B (c), B (o)], made once for forward and backward. Two transpositions that each move
 * one axis: the runtime has fast code for those, and is ten times slower at the permutation that they amount to.
 */
function blockedWeights(b: GraphBuilder, block: number, w: string): string {
  const name = `${w}/blocked`;
  if (b.has(name)) return name;
  const [o, c, kh, kw] = b.dims(w) as [number, number, number, number];
  const taps = kh * kw;
  const outputsLast = b.op("Transpose", [reshape(b, w, [o / block, block, c * taps])], { perm: [0, 2, 1] });
  const split = reshape(b, outputsLast, [(o / block) * (c / block), block, taps, block]);
  const blocked = b.op("Transpose", [split], { perm: [0, 2, 1, 3] });
  return b.op("Reshape", [blocked, b.ints([o / block, c / block, taps, block, block])], {}, name);
}

/** dx of y = Conv(x, w), stride 1: a convolution of dy with channels swapped and taps reversed. */
export function blockedInputGradient(b: GraphBuilder, block: number, dy: string, w: string, back: Window): string {
  const [o, c, kh, kw] = b.dims(w) as [number, number, number, number];
  const taps = kh * kw;
  const [outer, inner] = [o / block, c / block];
  const blocks = reshape(b, blockedWeights(b, block, w), [outer * inner * taps, block, block]);
  const swapped = reshape(b, b.op("Transpose", [blocks], { perm: [0, 2, 1] }), [outer, inner, taps, block * block]);
  const reversed = Array.from({ length: taps }, (_, t) => taps - 1 - t);
  const flipped = taps === 1 ? swapped : b.op("Gather", [swapped, b.ints(reversed)], { axis: 2 });
  const turned = b.op("Transpose", [flipped], { perm: [1, 0, 2, 3] });
  return inBlocks(b, dy, reshape(b, turned, [c, o, kh, kw]), undefined, back);
}

/** @param w weights whose numbers already lie in blocks */
function inBlocks(
  b: GraphBuilder,
  x: string,
  w: string,
  bias: string | undefined,
  { kernel, strides, dilations, pads }: Window,
  stem?: string,
): string {
  const blocked = b.op("com.microsoft.nchwc:ReorderInput", [x]);
  const attributes = { kernel_shape: kernel, strides, dilations, pads, group: 1 };
  const y = b.op("com.microsoft.nchwc:Conv", [blocked, w, ...(bias ? [bias] : [])], attributes);
  return b.op("com.microsoft.nchwc:ReorderOutput", [y], { channels: b.dims(w)[0]! }, stem);
}

/**
 * The block size that this machine's runtime uses, found by comparing results with plain `Conv`; 0 when blocked
 * convolutions cannot be used here.
 */
export async function usableBlock(
  createSession: CreateSession,
  executionProviders: readonly string[],
): Promise<number> {
  // The layout belongs to the CPU provider alone.
  if (executionProviders.some((p) => p !== "cpu")) return 0;
  for (const block of [16, 8]) if (await blocksOf(block, createSession)) return block;
  return 0;
}

async function blocksOf(block: number, createSession: CreateSession): Promise<boolean> {
  const dims = [2, 32, 6, 5] as const;
  const wDims = [48, 32, 3, 3] as const;
  const build = (blocked: boolean) => {
    const b = new GraphBuilder(17);
    b.input("x", dims);
    b.input("w", wDims);
    const ones = [1, 1];
    const window: Window = { kernel: [3, 3], strides: ones, dilations: ones, pads: [1, 1, 1, 1], out: [6, 5] };
    const y = blocked
      ? blockedConv(b, block, "x", "w", undefined, window)
      : b.op("Conv", ["x", "w"], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
    b.output(y);
    return { model: b.build("self_test"), y };
  };
  const rng = createRng(1);
  const random = (shape: readonly number[]): Tensor =>
    float32(
      Float32Array.from({ length: shape.reduce((a, d) => a * d) }, () => normal(rng)),
      shape,
    );
  const feeds = { x: random(dims), w: random(wDims) };
  const run = async (blocked: boolean): Promise<Float32Array> => {
    const { model, y } = build(blocked);
    const session = await createSession(model);
    try {
      return (await session.run(feeds))[y]!.data as Float32Array;
    } finally {
      await session.release();
    }
  };
  const expected = await run(false);
  try {
    const actual = await run(true);
    return actual.length === expected.length && actual.every((v, i) => Math.abs(v - expected[i]!) < 1e-3);
  } catch {
    // Another runtime version or processor: its refusal is the answer.
    return false;
  }
}
