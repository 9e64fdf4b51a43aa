// Everything that can be promised or preferred, in one table.

import type { Expected } from "./design.ts";

export type Metric =
  | "latency.mean"
  | "latency.p50"
  | "latency.p95"
  | "latency.p99"
  | "throughput"
  | "server-cost"
  | "device-cost"
  | "energy"
  | "accuracy"
  | "bytes"
  | "robustness";

export interface MetricInfo {
  /** What it is counted in, here and in typed objects. A share lies between 0 and 1. */
  readonly unit: "ms" | "/s" | "mJ" | "bytes" | "share";
  /** Does it move with link and load? */
  readonly moves: boolean;
  readonly read: (expected: Expected) => number;
}

export const metrics: { readonly [M in Metric]: MetricInfo } = {
  "latency.mean": { unit: "ms", moves: true, read: (e) => e.latency.mean },
  "latency.p50": { unit: "ms", moves: true, read: (e) => e.latency.p50 },
  "latency.p95": { unit: "ms", moves: true, read: (e) => e.latency.p95 },
  "latency.p99": { unit: "ms", moves: true, read: (e) => e.latency.p99 },
  throughput: { unit: "/s", moves: true, read: (e) => e.throughput },
  "server-cost": { unit: "ms", moves: true, read: (e) => e.serverCost },
  "device-cost": { unit: "ms", moves: true, read: (e) => e.deviceCost },
  energy: { unit: "mJ", moves: true, read: (e) => e.energy },
  accuracy: { unit: "share", moves: false, read: (e) => e.accuracy },
  bytes: { unit: "bytes", moves: false, read: (e) => e.bytes },
  robustness: { unit: "share", moves: false, read: (e) => e.robustness },
};

export const isMetric = (name: string): name is Metric => Object.hasOwn(metrics, name);
