// A compute pool whose only worker is in this process: the real thing but for the thread, and tests can hold it between slices.

import { openPool } from "../src/engine/compute-pool.ts";
import { type ComputePool, hostCompute, openSlicedNetwork } from "../src/engine/index.ts";
import type { ModelProto } from "../src/onnx/index.ts";
import { createSession } from "../src/runtime/index.ts";

export interface InProcessCompute extends ComputePool {
  /** From now on nothing is computed beyond the slice that runs, until the function that comes back is called. */
  hold(): () => void;
}

export async function openInProcessCompute(model: ModelProto): Promise<InProcessCompute> {
  const network = await openSlicedNetwork(model, { createSession });
  let gate: Promise<void> = Promise.resolve();
  const pool = await openPool(({ reply }) => {
    let take: ReturnType<typeof hostCompute> | undefined;
    queueMicrotask(() => {
      take = hostCompute(network, {
        post: (message, transfer) => {
          const copy = structuredClone(message, { transfer });
          setImmediate(() => reply(copy));
        },
        now: () => performance.now(),
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        breathe: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          await gate;
        },
      });
    });
    return {
      post: (request, transfer) => {
        const copy = structuredClone(request, { transfer });
        setImmediate(() => take?.(copy));
      },
      hold: () => {},
      end: () => network.release(),
    };
  });
  return Object.assign(pool, {
    hold() {
      let release = (): void => {};
      gate = new Promise((resolve) => {
        release = resolve;
      });
      return release;
    },
  });
}
