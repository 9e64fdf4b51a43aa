// `spinn serve --nats`: this process computes for gateways what is deployed, until Ctrl-C.

import { availableParallelism } from "node:os";
import { openNats, startWorker } from "../../cluster/index.ts";
import { SpinnError } from "../../errors.ts";
import { accessOf } from "../access-flags.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { serverTelemetry } from "../server-telemetry.ts";
import { type NatsCommandOptions, natsOf } from "./gateway.ts";
import { keepServing, type ServeCommandOptions } from "./serve.ts";

/** What only a server has that devices dial. */
const forDevices = [
  ["config", "--config"],
  ["host", "--host"],
  ["port", "--port"],
  ["samples", "--samples"],
  ["allowOrigin", "--allow-origin"],
] as const;

/** @throws {SpinnError} Usage when models are named: a worker computes what is deployed */
export async function workerCommand(
  io: Io,
  models: readonly string[],
  options: ServeCommandOptions & NatsCommandOptions,
): Promise<void> {
  const { workers = availableParallelism(), threads, provider, maxQueued, batching, grace, json } = options;
  if (models.length > 0)
    throw new SpinnError("Usage", "With --nats a server computes what is deployed, not files of its own", {
      hint: `Deploy it: spinn deploy ${models[0]} --nats …`,
    });
  const strange = [
    ...forDevices.flatMap(([name, flag]) => (options[name] === undefined ? [] : [flag])),
    ...Object.keys(accessOf(options)),
  ];
  if (strange.length > 0)
    throw new SpinnError(
      "Usage",
      `With --nats, devices dial the gateway; here nobody would heed ${strange.join(", ")}`,
      {
        hint: "Give it to spinn gateway",
      },
    );
  const telemetry = await serverTelemetry(io, options);
  await interruptible(io, async (signal) => {
    const nats = await openNats({ ...natsOf(options), name: "spinn worker" });
    try {
      const worker = await startWorker({
        nats,
        workers,
        batching: batching !== "off",
        onError: telemetry.onError,
        onEvent: telemetry.onEvent,
        ...(provider && { executionProviders: provider }),
        ...(threads !== undefined && { threads }),
        ...(maxQueued !== undefined && { capacity: maxQueued }),
      });
      telemetry.follow(worker);
      const { id, deployments } = worker;
      const names = deployments.map(({ name, version }) => `${name}@${version}`).join(", ");
      io.out(json ? JSON.stringify({ id, deployments }) : `Computing ${names || "nothing yet"} as worker ${id}`);
      await keepServing(io, worker, signal, 1000 * grace);
      if (!json) io.err(`Answered ${worker.stats().answered} runs`);
    } finally {
      await nats.close();
      await telemetry.close();
    }
  });
}
