// What does the engine itself cost? Between the user's call and the answer, everything that is neither computing nor packing: threads,
// queues, messages, sockets, on both sides of a real WebSocket to a server in a process of its own.

import { connect } from "../client/index.ts";
import type { InferenceResult } from "../engine/index.ts";
import { startServerProcess } from "../evaluate/server-process.ts";
import { packageFile } from "../package-file.ts";
import { createRng } from "../random.ts";
import { median } from "./report.ts";

const MODEL = packageFile("models/cifar10-vgg16.spinn.onnx");
const WARM_UP = 50;
const RUNS = 500;

/** Median over single requests, one after the other, each handed over in the middle of the shipped network. Milliseconds. */
export async function measureOverhead(): Promise<number> {
  const server = await startServerProcess({ models: [MODEL], args: ["--workers", "1"] });
  try {
    const client = await connect({ model: MODEL, server: `ws://127.0.0.1:${server.port}`, plan: { cut: "none" } });
    try {
      const { cuts, exits } = client.network;
      const inside = cuts.filter(({ id, sparse }) => sparse && id !== "input" && id !== "none");
      const cut = inside[inside.length >> 1]!.id;
      // No exit is computed before the end: all are handed over.
      const threshold = exits.map((_, i) => (i < exits.length - 1 ? 2 : 0));
      await client.setPlan({ cut, threshold, codec: "lz4" });
      const rng = createRng(1);
      const image = { width: 32, height: 32, data: Uint8Array.from({ length: 32 * 32 * 3 }, () => 256 * rng()) };
      const costs: number[] = [];
      for (let i = 0; i < WARM_UP + RUNS; i++) costs.push(overheadMs(await client.infer(image)));
      return median(costs.slice(WARM_UP));
    } finally {
      await client.close();
    }
  } finally {
    await server.stop();
  }
}

/** @throws {Error} for a request that was not handed over, which would look cheap */
function overheadMs({ source, timings }: InferenceResult): number {
  if (source !== "server") throw new Error("A request was not handed over");
  const { totalMs, prepareMs, deviceMs, packMs, serverMs } = timings;
  return totalMs - prepareMs - deviceMs - packMs - serverMs;
}
