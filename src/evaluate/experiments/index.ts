// The experiments by name, in the order of the report; each loaded when it runs.

import type { Experiment } from "./experiment.ts";

export type ExperimentName =
  | "thresholds"
  | "splits"
  | "bandwidth"
  | "server-load"
  | "latency-sla"
  | "trace"
  | "energy"
  | "failures"
  | "estimate"
  | "adaptation";

export interface Listed {
  readonly question: string;
  load(): Promise<Experiment>;
}

export const experiments: Readonly<Record<ExperimentName, Listed>> = {
  thresholds: {
    question: "accuracy and exit rates against the threshold (Figs. 3 and 4)",
    load: async () => (await import("./thresholds.ts")).thresholds,
  },
  splits: {
    question: "device, link and server time for each place to cut",
    load: async () => (await import("./splits.ts")).splits,
  },
  bandwidth: {
    question: "throughput of all policies from 50 kbit/s to 1 Gbit/s (Fig. 7)",
    load: async () => (await import("./bandwidth.ts")).bandwidth,
  },
  "server-load": {
    question: "throughput of all policies while the server gets ten times as slow (Fig. 8)",
    load: async () => (await import("./server-load.ts")).serverLoad,
  },
  "latency-sla": {
    question: "server time and accuracy under an agreement on latency (Fig. 9)",
    load: async () => (await import("./latency-sla.ts")).latencySla,
  },
  trace: {
    question: "adaptation to the bandwidth of a ride and a walk (Fig. 10)",
    load: async () => (await import("./trace.ts")).trace,
  },
  energy: {
    question: "energy on the device for each image (Fig. 11)",
    load: async () => (await import("./energy.ts")).energy,
  },
  failures: {
    question: "accuracy and latency while the server fails more and more often (Figs. 12 and 13)",
    load: async () => (await import("./failures.ts")).failures,
  },
  estimate: {
    question: "are the estimates true? Random settings, run for real",
    load: async () => (await import("./estimate.ts")).estimate,
  },
  adaptation: {
    question: "does the client keep its agreement while link, server and device get worse?",
    load: async () => (await import("./adaptation.ts")).adaptation,
  },
};

export const experimentNames = Object.keys(experiments) as readonly ExperimentName[];
