// Do the slices of an optimised graph compute what the network computes? Asked once, when they are made: what a runtime writes
// down is not meant to be cut up.

import { SpinnError } from "../errors.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { declaredType, type ModelProto } from "../onnx/proto.ts";
import { createRng } from "../random.ts";
import { float32, sizeOf } from "../tensor.ts";
import { openSlicedNetwork, type SlicedNetworkOptions } from "./open-sliced-network.ts";
import type { BoundaryState } from "./sliced-network.ts";
import { stepsBetween } from "./steps.ts";

/** Of the largest logit, or of 1 if that is less. */
const TOLERANCE = 1e-4;

/**
 * Runs a random image through all exits, and if the batch is open two more in portable states, and compares with the whole.
 *
 * @throws {SpinnError} Runtime when they differ or do not run
 */
export async function checkSlices(model: ModelProto, options: SlicedNetworkOptions): Promise<void> {
  const network = await openSlicedNetwork(model, options);
  const whole = await options.createSession(model, options.session);
  try {
    const { info } = network;
    const asked = info.exits.map(() => 0);
    const [batch] = declaredType(indexGraph(graphOf(model)).inputs[0]!)?.dims ?? [];
    for (const portable of [false, true]) {
      const dims = [portable && typeof batch === "string" ? 2 : 1, ...info.input.shape.slice(1)];
      const rng = createRng(dims[0]!);
      const image = float32(
        Float32Array.from({ length: sizeOf(dims) }, () => rng() * 2 - 1),
        dims,
      );
      const feeds = { [info.input.name]: image };
      const expected = await whole.run(feeds);
      let state: BoundaryState = { cut: "input", tensors: feeds, portable: true };
      for (const step of stepsBetween(info, "input", "none", asked)) {
        const result = await network.run(state, step, portable);
        state = result.state;
        if (step.exit === undefined) continue;
        const { name, output } = info.exits[step.exit]!;
        compare(name, result.logits!, expected[output]!.data as Float32Array);
      }
    }
  } finally {
    await network.release();
    await whole.release();
  }
}

function compare(exit: string, logits: Float32Array, expected: Float32Array): void {
  const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const fits = (value: number, i: number): boolean => Math.abs(value - logits[i]!) <= TOLERANCE * size;
  if (logits.length === expected.length && expected.every(fits)) return;
  throw new SpinnError("Runtime", `Its slices compute something else at ${exit}`);
}
