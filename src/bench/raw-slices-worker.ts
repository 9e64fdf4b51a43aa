// The same slices without a server: a thread that does nothing but run them. Runs compiled (src/worker-url.ts).

import { parentPort, workerData } from "node:worker_threads";
import { openNodeNetwork } from "../compute/index.ts";
import { type BoundaryState, type SlicedNetwork, stepsBetween } from "../engine/index.ts";
import { readModelFile } from "../onnx/index.ts";
import { createRng } from "../random.ts";
import { float32, sizeOf } from "../tensor.ts";
import type { RawAnswer, RawPath, RawQuestion, RawSetup } from "./raw-slices.ts";

const port = parentPort!;
const { path, threads } = workerData as RawSetup;
const network = await openNodeNetwork(await readModelFile(path), { session: { threads } });

/** Noise at a cut, in the layout in which it would come. */
function stateAt({ info }: SlicedNetwork, cut: string, batch: number): BoundaryState {
  const rng = createRng(1);
  const { tensors } = info.cuts.find(({ id }) => id === cut)!;
  const values = tensors.map(({ name, shape }) => {
    const dims = [batch, ...shape.slice(1)];
    return [
      name,
      float32(
        Float32Array.from({ length: sizeOf(dims) }, () => rng()),
        dims,
      ),
    ] as const;
  });
  return { cut, tensors: Object.fromEntries(values), portable: true };
}

async function runPath({ exit }: RawPath, start: BoundaryState): Promise<void> {
  const asked = network.info.exits.map(() => 0);
  let state = start;
  for (const step of stepsBetween(network.info, start.cut, "none", asked)) {
    ({ state } = await network.run(state, step, false));
    if (step.exit === exit) return;
  }
}

async function answer({ paths, batch, seconds }: RawQuestion): Promise<RawAnswer> {
  const msPerImage = paths.map((): number[] => []);
  const starts = paths.map(({ cut }) => stateAt(network, cut, batch));
  for (const [i, one] of paths.entries()) await runPath(one, starts[i]!);
  const endMs = performance.now() + seconds * 1000;
  do {
    for (const [i, one] of paths.entries()) {
      const from = performance.now();
      await runPath(one, starts[i]!);
      msPerImage[i]!.push((performance.now() - from) / batch);
    }
  } while (performance.now() < endMs);
  return { msPerImage: msPerImage.map((times) => times.reduce((sum, ms) => sum + ms, 0) / times.length) };
}

port.on("message", (question: RawQuestion) => {
  void answer(question).then((message) => port.postMessage(message));
});
port.postMessage("ready");
