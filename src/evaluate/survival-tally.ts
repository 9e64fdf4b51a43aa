// Keeps count during the survival run: who answered, in time, with the truth, and what memory did meanwhile.

import type { InferenceResult } from "../engine/index.ts";
import { messageOf } from "../errors.ts";
import type { TrueAnswers } from "./true-answers.ts";

export interface TallyOptions {
  readonly inferences: number;
  readonly deadlineMs: number;
  readonly thresholds: readonly number[];
  readonly expected: TrueAnswers;
}

export interface TallySum {
  readonly inferences: number;
  readonly answered: number;
  /** Answered more than 20 ms after the deadline. */
  readonly late: number;
  /** Answers that neither a local exit nor a sane server could have given. */
  readonly wrong: number;
  /** Resident memory at the end over that after the warm-up. */
  readonly rssGrowth: number;
  readonly sources: Readonly<Record<"device" | "server", number>>;
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** The first few, in words. */
  readonly problems: readonly string[];
}

const GRACE_MS = 20;
const PROBLEMS_KEPT = 10;
/** The warm-up, as a part of the inferences; memory is averaged over as many behind it, and over the last. */
const WARM_UP = 0.1;

export class Tally {
  readonly #options: TallyOptions;
  readonly #latenciesMs: number[] = [];
  readonly #rss: number[] = [];
  readonly #problems: string[] = [];
  readonly #sources = { device: 0, server: 0 };
  #late = 0;
  #wrong = 0;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  /** Inferences that have ended, one way or the other. */
  get done(): number {
    return this.#rss.length;
  }

  /** Answers from the server so far. */
  get remote(): number {
    return this.#sources.server;
  }

  answered(image: number, result: InferenceResult, latencyMs: number): void {
    const { deadlineMs, thresholds, expected } = this.#options;
    this.#rss.push(process.memoryUsage.rss());
    this.#latenciesMs.push(latencyMs);
    this.#sources[result.source]++;
    if (latencyMs > deadlineMs + GRACE_MS) {
      this.#late++;
      const { source, fallbackReason = "as planned" } = result;
      this.#problem(`late: ${Math.round(latencyMs)} ms, answered by the ${source}, ${fallbackReason}`);
    }
    const wrong = expected.whatIsWrong(image, thresholds, result);
    if (wrong !== undefined) {
      this.#wrong++;
      this.#problem(`wrong, from the ${result.source}: image ${image}: ${wrong}`);
    }
  }

  failed(error: unknown): void {
    this.#rss.push(process.memoryUsage.rss());
    this.#problem(`no answer: ${messageOf(error)}`);
  }

  sum(): TallySum {
    const sorted = this.#latenciesMs.toSorted((a, b) => a - b);
    const quantile = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? 0;
    const part = Math.max(1, Math.floor(WARM_UP * this.#rss.length));
    return {
      inferences: this.#options.inferences,
      answered: this.#latenciesMs.length,
      late: this.#late,
      wrong: this.#wrong,
      rssGrowth: mean(this.#rss.slice(-part)) / mean(this.#rss.slice(part, 2 * part)),
      sources: { ...this.#sources },
      latencyMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
      problems: [...this.#problems],
    };
  }

  #problem(text: string): void {
    if (this.#problems.length < PROBLEMS_KEPT) this.#problems.push(`#${this.done}: ${text}`);
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
