// `spinn infer`: what is on these images, computed here, at a server, or partly here and partly there.

import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { type Client, type ClientPlanRequest, connect, type SlaRequest } from "../../client/index.ts";
import { decodeImageFile } from "../../data/index.ts";
import { type ContinueLocally, hexOf, type InferenceResult, type Plan } from "../../engine/index.ts";
import { SpinnError } from "../../errors.ts";
import { bytes, percent, table } from "../format.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { readToken } from "../read-token.ts";
import { spansTo } from "../server-telemetry.ts";

export interface InferCommandOptions {
  server?: string;
  tokenFile?: string;
  cut: string;
  threshold?: number;
  require?: readonly string[];
  prefer?: readonly string[];
  codec: Plan["codec"] | "auto";
  bits?: number;
  continue: ContinueLocally;
  /** Milliseconds. */
  deadline?: number;
  repeat: number;
  deviceSlowdown: number;
  /** Of a collector of traces. */
  otlp?: string;
  json?: boolean;
}

/** Plain JSON. */
export interface InferReport {
  readonly model: string;
  readonly server?: string;
  readonly link: Client["link"];
  readonly results: readonly ImageResult[];
}

export interface ImageResult extends InferenceResult {
  readonly image: string;
}

export async function inferCommand(
  io: Io,
  model: string,
  images: readonly string[],
  options: InferCommandOptions,
): Promise<void> {
  const { server, deadline, json } = options;
  const sla = slaRequest(options);
  // A damaged image is told before anything else takes time, and by its name.
  for (const path of images) await decodeImageFile(path);
  const spans = await spansTo(options.otlp, "spinn-device");
  const token = await readToken(options.tokenFile);
  await interruptible(io, async (signal) => {
    const client = await connect({
      model,
      plan: planOf(options),
      ...(sla && { sla }),
      continueLocally: options.continue,
      slowdown: options.deviceSlowdown,
      signal,
      ...(server !== undefined && { server }),
      ...(token !== undefined && { token }),
      ...(deadline !== undefined && { deadlineMs: deadline }),
      ...(spans && { onSpan: spans.onSpan }),
    });
    try {
      if (!json) client.on("warning", (message) => io.err(message));
      if (server !== undefined) checkServer(io, client, server);
      const results: ImageResult[] = [];
      for (const path of images) {
        const image = await readFile(path);
        for (let i = 0; i < options.repeat; i++)
          results.push({ image: path, ...(await client.infer(image, { signal })) });
      }
      const { link } = client;
      const report: InferReport = { model: basename(model), ...(server !== undefined && { server }), link, results };
      io.out(json ? JSON.stringify(report) : described(report));
    } finally {
      await client.close();
      await spans?.close();
    }
  });
}

function planOf({ cut, threshold, codec, bits, ...options }: InferCommandOptions): ClientPlanRequest {
  const sure = threshold ?? (slaRequest(options) ? undefined : 0.8);
  return { cut, codec, ...(sure !== undefined && { threshold: sure }), ...(bits !== undefined && { bits }) };
}

function slaRequest({ require, prefer }: Pick<InferCommandOptions, "require" | "prefer">): SlaRequest | undefined {
  if (!require && !prefer) return undefined;
  return { ...(require && { require }), ...(prefer && { prefer }) };
}

/** A server that is down may come back; one that has another network will not do. */
function checkServer(io: Io, client: Client, server: string): void {
  const { connected, problem = "no answer yet", refusal } = client.link;
  if (connected) return;
  if (refusal !== "unknown-model") {
    io.err(`The device answers alone: ${problem}`);
    return;
  }
  const hash = hexOf(client.network.modelHash);
  throw new SpinnError("Connection", `${server} does not serve this network, ${hash}: ${problem}`, {
    hint: "Give device and server the same file",
  });
}

function described({ results, link, server }: InferReport): string {
  const rows = [...new Set(results.map(({ image }) => image))].map((image) => {
    const runs = results.filter((result) => result.image === image);
    const last = runs.at(-1)!;
    const ms = (name: keyof InferenceResult["timings"]): string =>
      median(runs.map(({ timings }) => timings[name])).toFixed(2);
    const times = [ms("totalMs"), ms("prepareMs"), ms("deviceMs"), ms("packMs"), ms("networkMs"), ms("serverMs")];
    const answer = [basename(image), last.label, percent(last.confidence), last.exitName, last.source];
    return [...answer, ...times, bytes(last.bytesUp), last.fallbackReason ?? ""];
  });
  const headings = [
    "image",
    "label",
    "confidence",
    "exit",
    "from",
    "ms",
    "prepare",
    "device",
    "pack",
    "network",
    "server",
    "up",
    "",
  ];
  const { cut, codec } = results.at(-1)!.plan;
  const how = server === undefined ? "on the device alone" : `cut ${cut}, codec ${codec}; ${linkLine(link)}`;
  return `${table(headings, rows)}\n\n${how}`;
}

function linkLine({ connected, rttMs, uplinkBps }: Client["link"]): string {
  if (!connected) return "no connection";
  const speed = uplinkBps === undefined ? "" : `, ${(uplinkBps / 1e6).toFixed(1)} Mbit/s up`;
  return `connected, round trip ${(rttMs ?? 0).toFixed(1)} ms${speed}`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
