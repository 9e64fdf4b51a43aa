// The best that the runtime itself reaches on the same slices: over batch sizes, and over layouts of threads on all cores.

import { once } from "node:events";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { giveThreadsHeap } from "../compute/thread-heap.ts";
import { workerUrl } from "../worker-url.ts";

export interface RawSetup {
  readonly path: string;
  /** Inside one operator. */
  readonly threads: number;
}

/** From a cut to the exit that ends it. */
export interface RawPath {
  readonly cut: string;
  readonly exit: number;
}

export interface RawQuestion {
  readonly paths: readonly RawPath[];
  readonly batch: number;
  readonly seconds: number;
}

export interface RawAnswer {
  /** Means, one a path. */
  readonly msPerImage: readonly number[];
}

/** Some threads that run slices at the same time. */
export interface RawLayout {
  readonly name: string;
  /** @returns for each path, how many images a second all threads would run of it together */
  measure(question: RawQuestion): Promise<number[]>;
  close(): Promise<void>;
}

/** One worker a core with one thread, and one worker with as many threads. */
export async function rawLayouts(path: string): Promise<RawLayout[]> {
  const cores = availableParallelism();
  return [await openLayout(path, cores, 1), ...(cores > 1 ? [await openLayout(path, 1, cores)] : [])];
}

async function openLayout(path: string, workers: number, threads: number): Promise<RawLayout> {
  const url = workerUrl("./raw-slices-worker.ts", import.meta.url);
  giveThreadsHeap(); // as the server's have
  const all = Array.from({ length: workers }, () => new Worker(url, { workerData: { path, threads }, execArgv: [] }));
  await Promise.all(all.map((worker) => once(worker, "message")));
  return {
    name: `${workers} x ${threads}`,
    async measure(question) {
      const answers = await Promise.all(
        all.map(async (worker) => {
          const heard = once(worker, "message");
          worker.postMessage(question);
          const [answer] = (await heard) as [RawAnswer];
          return answer;
        }),
      );
      return question.paths.map((_, i) => answers.reduce((sum, { msPerImage }) => sum + 1000 / msPerImage[i]!, 0));
    },
    async close() {
      await Promise.all(all.map((worker) => worker.terminate()));
    },
  };
}
