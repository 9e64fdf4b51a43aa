// A device as users have it, which keeps asking for as long as a soak takes: every answer is compared with what the network says.

import { setTimeout as sleep } from "node:timers/promises";
import { type Client, connect } from "../client/index.ts";
import { messageOf } from "../errors.ts";
import { offloading } from "../evaluate/survival.ts";
import type { TrueAnswers } from "../evaluate/true-answers.ts";
import type { Pixels } from "../image/index.ts";

export interface SoakClientOptions {
  readonly model: string;
  readonly server: string;
  readonly images: readonly Pixels[];
  readonly expected: TrueAnswers;
  readonly deadlineMs: number;
  /** From the start of one inference to the start of the next, at least. */
  readonly paceMs: number;
  readonly seed: number;
}

export interface SoakClientCounts {
  readonly inferences: number;
  readonly answered: { readonly device: number; readonly server: number };
  readonly wrong: number;
  readonly failed: number;
  readonly reconnects: number;
  /** Why the device answered itself. */
  readonly fallbacks: Readonly<Record<string, number>>;
  /** The first few, in words. */
  readonly problems: readonly string[];
}

export interface SoakClient {
  /** Asks until the signal. @returns what came of it */
  run(signal: AbortSignal): Promise<SoakClientCounts>;
  close(): Promise<void>;
}

const PROBLEMS_KEPT = 5;

/** @throws {SpinnError} as `connect`; UnsupportedModel for a network without an early exit */
export async function openSoakClient(options: SoakClientOptions): Promise<SoakClient> {
  const { model, server, deadlineMs, seed } = options;
  const client = await connect({ model, server, plan: { cut: "none" }, deadlineMs, seed });
  const { cut, thresholds } = offloading(client.network);
  // exact values cross the link, so that the server's answer is known to the last digit
  await client.setPlan({ cut, threshold: thresholds, codec: "float32" });
  return { run: (signal) => keepAsking(client, thresholds, options, signal), close: () => client.close() };
}

async function keepAsking(
  client: Client,
  thresholds: readonly number[],
  { images, expected, paceMs }: SoakClientOptions,
  signal: AbortSignal,
): Promise<SoakClientCounts> {
  const answered = { device: 0, server: 0 };
  const problems: string[] = [];
  let [inferences, wrong, failed] = [0, 0, 0];
  const startedMs = performance.now();
  const problem = (text: string): void => {
    const atS = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (problems.length < PROBLEMS_KEPT) problems.push(`after ${atS} s: ${text}`);
  };
  while (!signal.aborted) {
    const nextMs = performance.now() + paceMs;
    const image = inferences++ % images.length;
    try {
      const result = await client.infer(images[image]!);
      answered[result.source]++;
      const what = expected.whatIsWrong(image, thresholds, result);
      if (what !== undefined) {
        wrong++;
        problem(`wrong, from the ${result.source}: image ${image}: ${what}`);
      }
    } catch (error) {
      failed++;
      problem(`no answer: ${messageOf(error)}`);
    }
    await sleep(Math.max(0, nextMs - performance.now()), undefined, { signal }).catch(() => undefined);
  }
  const { connections, fallbacks } = client.stats();
  return { inferences, answered, wrong, failed, reconnects: Math.max(0, connections - 1), fallbacks, problems };
}
