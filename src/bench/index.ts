// The benchmarks of the package by name, each loaded when it is asked for.

import type { BenchOptions } from "./report.ts";

export type { BenchOptions } from "./report.ts";

export interface Bench {
  /** The question that it answers. */
  readonly question: string;
  load(): Promise<{ run(options: BenchOptions): Promise<void> }>;
}

export type BenchName = "codec";

export const benches: Readonly<Record<BenchName, Bench>> = {
  codec: {
    question: "what does the codec save, how fast, and at what price in accuracy?",
    load: () => import("./codec.ts"),
  },
};
