// The benchmarks of the package by name, each loaded when it is asked for.

import type { BenchOptions } from "./report.ts";

export type { BenchOptions } from "./report.ts";

export interface Bench {
  /** The question that it answers. */
  readonly question: string;
  load(): Promise<{ run(options: BenchOptions): Promise<void> }>;
}

export type BenchName = "codec" | "engine" | "link" | "scheduler" | "server" | "soak";

export const benches: Readonly<Record<BenchName, Bench>> = {
  codec: {
    question: "what does the codec save, how fast, and at what price in accuracy?",
    load: () => import("./codec.ts"),
  },
  engine: {
    question: "what do seven slices cost, one after the other, beside one session of the whole network?",
    load: () => import("./engine.ts"),
  },
  link: {
    question: "does a device answer in time and truly while server and link fail in every way?",
    load: () => import("./link.ts"),
  },
  scheduler: {
    question: "how long does a decision take, among how many designs?",
    load: () => import("./scheduler.ts"),
  },
  server: {
    question: "what does a server do under the load of many devices: batches, limits, overload, fairness?",
    load: () => import("./server.ts"),
  },
  soak: {
    question: "does anything get lost, wrong or larger in minutes of load with servers killed and links cut?",
    load: () => import("./soak.ts"),
  },
};
