// What Prometheus may read: counters and histograms from the cloud engine's events, gauges asked for when somebody scrapes. Labels
// come from our own networks and tables, never from what a stranger sends, so that nobody can make them many.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { CloudEvent, RunEvent } from "../engine/cloud-events.ts";
import { indexOfCut } from "../engine/cut-index.ts";
import type { CloudStats } from "../engine/index.ts";
import type { ServedNetwork } from "./served-network.ts";

export interface MetricsOptions {
  /** Those that are served now. */
  readonly networks: () => readonly ServedNetwork[];
  readonly stats: () => CloudStats;
}

export interface Metrics {
  /** Hears of all that happens at the engine. */
  readonly onEvent: (event: CloudEvent) => void;
  /** An answer over HTTP. @param route as in the table of routes */
  onHttp(route: string, method: string, status: number): void;
  readonly contentType: string;
  /** In Prometheus' text format. */
  text(): Promise<string>;
}

/** From what a small network takes in a batch to what a large one waits for at a full queue. */
const SECONDS: number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const IMAGES: number[] = [1, 2, 4, 8, 16, 32, 64];
/** In place of a cut or network that is none of ours. */
const OTHER = "other";

/** Of the process, however many servers it has. */
let processMetrics: Registry | undefined;

export function createMetrics({ networks, stats }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const connections = new Counter({
    name: "spinn_connections_total",
    help: "Devices that have connected.",
    registers,
  });
  const clients = new Gauge({
    name: "spinn_clients",
    help: "Devices that are connected and have said hello.",
    labelNames: ["model"],
    registers,
  });
  const runs = new Counter({
    name: "spinn_runs_total",
    help: "Runs that have come to an end, by model, cut that they began at, exit that answered, and outcome.",
    labelNames: ["model", "cut", "exit", "outcome"],
    registers,
  });
  const duration = new Histogram({
    name: "spinn_run_duration_seconds",
    help: "What answered runs took: waiting (queue), decoding (unpack), computing (compute), and from arrival to answer (total).",
    labelNames: ["model", "phase"],
    buckets: SECONDS,
    registers,
  });
  const batch = new Histogram({
    name: "spinn_batch_size",
    help: "Images that went through a slice together, for each image and slice.",
    labelNames: ["model"],
    buckets: IMAGES,
    registers,
  });
  const refusals = new Counter({
    name: "spinn_refusals_total",
    help: "Runs and connections that were refused, by the protocol's code.",
    labelNames: ["of", "code"],
    registers,
  });
  const received = new Counter({
    name: "spinn_received_bytes_total",
    help: "Bytes of runs that have come to an end.",
    labelNames: ["model"],
    registers,
  });
  const sent = new Counter({
    name: "spinn_sent_bytes_total",
    help: "Bytes of answers to runs.",
    labelNames: ["model"],
    registers,
  });
  const http = new Counter({
    name: "spinn_http_requests_total",
    help: "Answers over HTTP, by route.",
    labelNames: ["route", "method", "status"],
    registers,
  });
  new Gauge({
    name: "spinn_queue_depth",
    help: "Runs that wait or compute now.",
    registers,
    collect() {
      this.set(stats().queued);
    },
  });
  new Gauge({
    name: "spinn_load_factor",
    help: "What a run takes now, waiting included, over what it takes at best; 1 when idle.",
    registers,
    collect() {
      this.set(stats().loadFactor);
    },
  });
  new Gauge({
    name: "spinn_network_info",
    help: "Networks that are served now, each 1.",
    labelNames: ["model", "version", "network"],
    registers,
    collect() {
      this.reset();
      for (const { name, version, hash } of networks()) this.set({ model: name, version, network: hash }, 1);
    },
  });

  const find = (network: string): ServedNetwork | undefined => networks().find(({ hash }) => hash === network);
  const ended = ({ network, cut, receivedBytes, totalMs, end }: RunEvent): void => {
    const found = find(network);
    const model = found?.name ?? OTHER;
    const known = found && indexOfCut(found.compute.network, cut) >= 0 ? cut : OTHER;
    const exit = end.kind === "answered" ? (found?.compute.network.exits[end.exit]?.name ?? OTHER) : "";
    runs.inc({ model, cut: known, exit, outcome: end.kind });
    received.inc({ model }, receivedBytes);
    if (end.kind === "refused") refusals.inc({ of: "run", code: end.code });
    if (end.kind !== "answered") return;
    sent.inc({ model }, end.sentBytes);
    const { queueMs, unpackMs, slices } = end.times;
    duration.observe({ model, phase: "queue" }, queueMs / 1000);
    duration.observe({ model, phase: "unpack" }, unpackMs / 1000);
    duration.observe({ model, phase: "compute" }, slices.reduce((sum, { ms }) => sum + ms, 0) / 1000);
    duration.observe({ model, phase: "total" }, totalMs / 1000);
    for (const slice of slices) batch.observe({ model }, slice.batch ?? 1);
  };
  /** Models of those who have said hello, by connection. */
  const greeted = new Map<string, string>();

  return {
    onEvent(event) {
      if (event.kind === "run") ended(event);
      else if (event.kind === "connected") connections.inc();
      else if (event.kind === "refused") refusals.inc({ of: "connection", code: event.code });
      else if (event.kind === "turned-away") refusals.inc({ of: "handshake", code: String(event.status) });
      else if (event.kind === "greeted") {
        const model = find(event.network)?.name ?? OTHER;
        greeted.set(event.connection, model);
        clients.inc({ model });
      } else if (event.kind === "left") {
        const model = greeted.get(event.connection);
        greeted.delete(event.connection);
        if (model !== undefined) clients.dec({ model });
      }
    },
    onHttp: (route, method, status) => http.inc({ route, method, status: String(status) }),
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    text: async () => {
      processMetrics ??= ofProcess();
      return `${await registry.metrics()}\n${await processMetrics.metrics()}`;
    },
  };
}

function ofProcess(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  return register;
}
