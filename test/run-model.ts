// Running a whole model once in a test, on reproducible random input.

import { declaredType, type ModelProto } from "../src/onnx/proto.ts";
import { createRng } from "../src/random.ts";
import { createSession } from "../src/runtime/index.ts";
import { float32, sizeOf, type Tensor } from "../src/tensor.ts";

export interface RunOptions {
  /** For every open dimension. @default 1 */
  batch?: number;
  /** @default 1 */
  seed?: number;
}

/** Feeds for all inputs of a model that has float inputs only: uniform in [-2, 2). */
export function randomFeeds(model: ModelProto, { batch = 1, seed = 1 }: RunOptions = {}): Record<string, Tensor> {
  const rng = createRng(seed);
  const given = new Set(model.graph!.initializer.map((t) => t.name));
  const inputs = model.graph!.input.filter((info) => !given.has(info.name));
  return Object.fromEntries(
    inputs.map((info) => {
      const dims = declaredType(info)!.dims!.map((d) => (typeof d === "number" ? d : batch));
      const data = Float32Array.from({ length: sizeOf(dims) }, () => rng() * 4 - 2);
      return [info.name, float32(data, dims)];
    }),
  );
}

/** All outputs of a model for given feeds. */
export async function runWith(model: ModelProto, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> {
  const session = await createSession(model);
  try {
    return await session.run(feeds);
  } finally {
    await session.release();
  }
}

export function runModel(model: ModelProto, options: RunOptions = {}): Promise<Record<string, Tensor>> {
  return runWith(model, randomFeeds(model, options));
}

/** The largest absolute difference between two sets of float tensors of equal names and shapes; infinite for others. */
export function largestDifference(a: Record<string, Tensor>, b: Record<string, Tensor>): number {
  let worst = Object.keys(a).length === Object.keys(b).length ? 0 : Number.POSITIVE_INFINITY;
  for (const [name, { data, dims }] of Object.entries(a)) {
    const other = b[name];
    if (other?.dims.join() !== dims.join()) return Number.POSITIVE_INFINITY;
    data.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(Number(value) - Number(other.data[i])));
    });
  }
  return worst;
}
