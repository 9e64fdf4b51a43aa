// The emulated device's own process: one client, one image after the other, as a phone's user would. Started by
// `startEmulatedDevice`.

import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, connect } from "../client/index.ts";
import { type Dataset, openDataset, outputIndices } from "../data/index.ts";
import { messageOf } from "../errors.ts";
import type { DeviceReport, DeviceRun } from "./device-run.ts";

function report(message: DeviceReport): void {
  process.send?.(message);
}

async function run(spec: DeviceRun): Promise<void> {
  const dataset = await openDataset(spec.data, { split: "test" });
  const { model, server, plan, sla, continueLocally, deadlineMs, slowdown } = spec;
  const client = await connect({
    model,
    plan,
    continueLocally,
    slowdown,
    ...(server === undefined ? {} : { server }),
    ...(sla === undefined ? {} : { sla }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  try {
    const classes = outputIndices(dataset, client.network.classes);
    // The first inference makes sessions and meets the network: nobody's figures begin with that.
    await client.infer(await dataset.pixels(spec.images[0] ?? 0));
    const go = once(process, "message");
    report({ kind: "ready", plan: client.plan });
    client.on("plan", (change) => report({ kind: "plan", plan: change.plan }));
    await go;
    for (const image of spec.images) await inferOne(client, dataset, image, classes, spec.patienceMs);
  } finally {
    await client.close();
  }
}

async function inferOne(
  client: Client,
  dataset: Dataset,
  image: number,
  classes: ArrayLike<number>,
  patienceMs: number | undefined,
): Promise<void> {
  const pixels = await dataset.pixels(image);
  const started = performance.now();
  const result = await client.infer(pixels).catch(messageOf);
  if (typeof result === "string") {
    report({ kind: "lost", image, why: result });
    return;
  }
  const latencyMs = performance.now() - started;
  if (patienceMs !== undefined && result.source === "device") {
    // This client stands for one without a network of its own: it would have waited in vain.
    await sleep(Math.max(0, patienceMs - latencyMs));
    report({ kind: "lost", image, why: result.fallbackReason ?? "the device answered" });
    return;
  }
  const { classIndex, exit, source, bytesUp, timings, fallbackReason } = result;
  report({
    kind: "answer",
    answer: {
      image,
      correct: classIndex === classes[dataset.labels[image]!],
      exit,
      source,
      latencyMs,
      deviceMs: timings.deviceMs + timings.packMs,
      serverMs: timings.serverMs,
      bytesUp,
      ...(fallbackReason === undefined ? {} : { fallbackReason }),
    },
  });
}

process.once("message", (spec) => {
  run(spec as DeviceRun)
    .then(
      () => report({ kind: "done" }),
      (error: unknown) => report({ kind: "failed", message: messageOf(error) }),
    )
    .finally(() => process.disconnect?.());
});
// Whoever experiments has gone: so does the device.
process.once("disconnect", () => process.exit());
