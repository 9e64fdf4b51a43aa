import { afterAll, beforeAll, expect, test } from "vitest";
import { type InProcessCompute, openInProcessCompute } from "../../test/in-process-compute.ts";
import { toyProgressive } from "../../test/toy.ts";
import type { RunEnd, RunEvent } from "../engine/cloud-events.ts";
import { createCloudEngine } from "../engine/index.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { hashOfNetwork, type ServedNetwork } from "./served-network.ts";

let compute: InProcessCompute;
let served: ServedNetwork;

beforeAll(async () => {
  compute = await openInProcessCompute(toyProgressive());
  served = { name: "toy", version: "3", hash: hashOfNetwork(compute), path: "toy.onnx", compute };
});
afterAll(() => compute.close());

function metricsOf(): Metrics {
  const engine = createCloudEngine({ networks: [compute] });
  return createMetrics({ networks: () => [served], stats: () => engine.stats() });
}

function run(cut: string, end: RunEnd, network: string = served.hash): RunEvent {
  return { kind: "run", connection: "connection 1", network, cut, receivedBytes: 500, totalMs: 30, end };
}

function answered(exit: number): RunEnd {
  const slices = [
    { from: "input", to: "relu1", ms: 4, batch: 4 },
    { from: "relu1", to: "relu3", ms: 6 },
  ];
  const times = { slices, unpackMs: 1, packMs: 0, queueMs: 20 };
  return { kind: "answered", exit, confident: true, sentBytes: 40, times };
}

/** Lines of our own, without comments. */
async function lines(metrics: Metrics): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => line.startsWith("spinn_"));
}

test("counts runs by model, cut, exit and outcome, and what they took by phase", async () => {
  const metrics = metricsOf();
  metrics.onEvent(run("relu1", answered(1)));
  metrics.onEvent(run("relu1", answered(1)));
  metrics.onEvent(run("input", answered(2)));
  metrics.onEvent(run("input", { kind: "refused", code: "busy", reason: "The queue is full" }));
  metrics.onEvent(run("input", { kind: "cancelled" }));
  expect(await lines(metrics)).toEqual(
    expect.arrayContaining([
      'spinn_runs_total{model="toy",cut="relu1",exit="exit2",outcome="answered"} 2',
      'spinn_runs_total{model="toy",cut="input",exit="final",outcome="answered"} 1',
      'spinn_runs_total{model="toy",cut="input",exit="",outcome="refused"} 1',
      'spinn_runs_total{model="toy",cut="input",exit="",outcome="cancelled"} 1',
      'spinn_refusals_total{of="run",code="busy"} 1',
      'spinn_received_bytes_total{model="toy"} 2500',
      'spinn_sent_bytes_total{model="toy"} 120',
      'spinn_run_duration_seconds_bucket{le="0.01",model="toy",phase="queue"} 0',
      'spinn_run_duration_seconds_bucket{le="0.025",model="toy",phase="queue"} 3',
      'spinn_run_duration_seconds_sum{model="toy",phase="compute"} 0.03',
      'spinn_run_duration_seconds_count{model="toy",phase="total"} 3',
      'spinn_batch_size_bucket{le="1",model="toy"} 3',
      'spinn_batch_size_bucket{le="4",model="toy"} 6',
      'spinn_network_info{model="toy",version="3",network="'.concat(served.hash, '"} 1'),
      "spinn_queue_depth 0",
      "spinn_load_factor 1",
    ]),
  );
});

test("clients come and go", async () => {
  const metrics = metricsOf();
  const connection = "connection 7";
  metrics.onEvent({ kind: "connected", connection, peer: "10.0.0.1:1" });
  metrics.onEvent({ kind: "greeted", connection, network: served.hash, agent: "phone" });
  expect(await lines(metrics)).toEqual(
    expect.arrayContaining(['spinn_clients{model="toy"} 1', "spinn_connections_total 1"]),
  );
  metrics.onEvent({ kind: "left", connection, reason: "gone" });
  metrics.onEvent({ kind: "left", connection: "connection 8", reason: "never said hello" });
  expect(await lines(metrics)).toContain('spinn_clients{model="toy"} 0');
});

test("nobody can make labels many by what he sends", async () => {
  const metrics = metricsOf();
  for (let i = 0; i < 500; i++) {
    metrics.onEvent(run(`cut-${i}"} 1\n`, { kind: "refused", code: "unknown-cut", reason: `reason ${i}` }));
    metrics.onEvent(run("input", { kind: "cancelled" }, `${i}`.padStart(32, "0")));
    metrics.onEvent({ kind: "connected", connection: `connection ${i}`, peer: `10.0.0.1:${i}` });
    metrics.onEvent({ kind: "greeted", connection: `connection ${i}`, network: served.hash, agent: `agent ${i}` });
    metrics.onEvent({ kind: "refused", connection: `connection ${i}`, code: "protocol", reason: `reason ${i}` });
    metrics.onEvent({ kind: "left", connection: `connection ${i}`, reason: `reason ${i}` });
  }
  const all = await lines(metrics);
  expect(all.length).toBeLessThan(30);
  expect(all).toContain('spinn_runs_total{model="toy",cut="other",exit="",outcome="refused"} 500');
  expect(all).toContain('spinn_runs_total{model="other",cut="other",exit="",outcome="cancelled"} 500');
});

test("tells of the process, too, however many servers it has", async () => {
  for (const metrics of [metricsOf(), metricsOf()]) {
    const text = await metrics.text();
    expect(text.match(/^process_resident_memory_bytes \d+/gm)).toHaveLength(1);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
  }
});
