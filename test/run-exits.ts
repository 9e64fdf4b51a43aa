// Running a sliced network through all its exits in a test.

import type { BoundaryState, SlicedNetwork } from "../src/engine/sliced-network.ts";
import { stepsBetween } from "../src/engine/steps.ts";
import type { Tensors } from "../src/runtime/index.ts";
import type { Tensor } from "../src/tensor.ts";

export interface ExitRun {
  /** Logits by the name of the exit's output, with the dimensions that the whole gives them: [N, classes]. */
  readonly logits: Record<string, Tensor>;
  readonly states: readonly BoundaryState[];
}

/** From the network's input, or from a state, to its end. */
export async function runExits(
  network: SlicedNetwork,
  start: Tensors | BoundaryState,
  portable = false,
): Promise<ExitRun> {
  const { exits, classes } = network.info;
  const first: BoundaryState = isState(start) ? start : { cut: "input", tensors: start, portable: true };
  const logits: Record<string, Tensor> = {};
  const states = [first];
  const everyExit = exits.map(() => 0);
  for (const step of stepsBetween(network.info, first.cut, "none", everyExit)) {
    const result = await network.run(states.at(-1)!, step, portable);
    states.push(result.state);
    if (step.exit === undefined) continue;
    const data = result.logits!;
    logits[exits[step.exit]!.output] = { type: "float32", data, dims: [data.length / classes, classes] };
  }
  return { logits, states };
}

function isState(start: Tensors | BoundaryState): start is BoundaryState {
  return typeof start.cut === "string";
}
