// The trace of one inference on the device: what it did and when, told as spans when it is over. The server's spans join by the
// context that travels with the run.

import { messageOf } from "../errors.ts";
import { hexOf } from "../hex.ts";
import type { TraceContext } from "../wire/message.ts";
import type { Clock } from "./clock.ts";
import type { InferenceResult } from "./device-result.ts";
import type { NetworkInfo } from "./network-info.ts";
import { type OnSpan, randomId, type Span } from "./span.ts";

export type DeviceStage = "prepare" | "compute" | "offload";

export class DeviceTrace {
  readonly #onSpan: OnSpan;
  readonly #clock: Clock;
  readonly #network: NetworkInfo;
  /** From the clock's time to milliseconds since 1970. */
  readonly #epochMs: number;
  readonly #startedMs: number;
  readonly #traceId = randomId(16);
  readonly #rootId = randomId(8);
  readonly #open = new Set<(error?: string) => void>();

  constructor(onSpan: OnSpan, clock: Clock, network: NetworkInfo) {
    this.#onSpan = onSpan;
    this.#clock = clock;
    this.#network = network;
    this.#startedMs = clock.now();
    this.#epochMs = Date.now() - this.#startedMs;
  }

  /** Something begins. @returns what travels with a message about it, and what to call when it has ended; later calls do nothing */
  begin(stage: DeviceStage): { readonly context: TraceContext; end(error?: string): void } {
    const spanId = randomId(8);
    const startMs = this.#clock.now();
    const end = (error?: string): void => {
      if (!this.#open.delete(end)) return;
      const kind = stage === "offload" ? "client" : "internal";
      this.#tell({ spanId, parentSpanId: this.#rootId, name: `spinn.${stage}`, kind, attributes: {} }, startMs, error);
    };
    this.#open.add(end);
    return { context: { traceId: this.#traceId, spanId, sampled: true }, end };
  }

  /** The inference is over. */
  end(outcome: InferenceResult | { readonly error: unknown }): void {
    for (const end of this.#open) end();
    const hash = hexOf(this.#network.modelHash);
    const span = { spanId: this.#rootId, name: "spinn.infer", kind: "internal" } as const;
    if ("error" in outcome) {
      this.#tell({ ...span, attributes: { "spinn.network": hash } }, this.#startedMs, messageOf(outcome.error));
      return;
    }
    const { plan, exitName, source, confidence, bytesUp, fallbackReason } = outcome;
    const attributes = {
      "spinn.network": hash,
      "spinn.cut": plan.cut,
      "spinn.codec": plan.codec,
      "spinn.exit": exitName,
      "spinn.source": source,
      "spinn.confidence": confidence,
      "spinn.bytes_up": bytesUp,
      ...(fallbackReason !== undefined && { "spinn.fallback": fallbackReason }),
    };
    this.#tell({ ...span, attributes }, this.#startedMs);
  }

  #tell(span: Omit<Span, "traceId" | "startMs" | "endMs" | "error">, startMs: number, error?: string): void {
    const times = { startMs: this.#epochMs + startMs, endMs: this.#epochMs + this.#clock.now() };
    this.#onSpan({ ...span, ...times, traceId: this.#traceId, ...(error !== undefined && { error }) });
  }
}
