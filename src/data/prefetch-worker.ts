// The thread of a prefetcher: runs the same batch loader as the caller would, on what the caller shares.

import { parentPort, workerData } from "node:worker_threads";
import { packError } from "../portable-error.ts";
import { createBatchLoader } from "./batch-loader.ts";
import { fromShared } from "./from-shared.ts";
import type { PrefetchReply, PrefetchRequest, PrefetchSetup } from "./prefetch-protocol.ts";

const port = parentPort!;
const { dataset, options } = workerData as PrefetchSetup;
const loader = createBatchLoader(fromShared(dataset), options);

let closing = false;
let work = Promise.resolve();

port.on("message", (request: PrefetchRequest) => {
  switch (request.kind) {
    case "fill":
      work = work.then(() => fill(request));
      break;
    case "close":
      closing = true;
      // with the port gone nothing keeps this thread, once the batch under way is done
      port.close();
      break;
    default:
      request satisfies never;
  }
});

async function fill({ id, epoch, step, memory }: PrefetchRequest & { kind: "fill" }): Promise<void> {
  if (closing) return;
  let reply: PrefetchReply;
  try {
    reply = { kind: "filled", id, batch: await loader.batch(epoch, step, memory), memory };
  } catch (error) {
    reply = { kind: "failed", id, error: packError(error), memory };
  }
  port.postMessage(reply, [memory.buffer]);
}
