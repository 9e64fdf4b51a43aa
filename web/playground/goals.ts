// What the user wants: an agreement in words, and ready-made ones.

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { readSla, type SlaReading, type SlaText } from "./sla-text.ts";

export interface GoalPreset extends SlaText {
  readonly name: string;
  readonly title: string;
}

/** The first is what a client does that nobody tells anything. */
export const goalPresets: readonly GoalPreset[] = [
  {
    name: "Accurate, then fast",
    title: "Within a point of the best accuracy, as soon as possible",
    require: "",
    prefer: "max accuracy within 1%\nmin latency",
  },
  {
    name: "In time",
    title: "95 of 100 images within 60 ms, and then as accurate as can be",
    require: "latency.p95 <= 60ms",
    prefer: "max accuracy",
  },
  {
    name: "Spare the server",
    title: "As little computing on the server as accuracy allows",
    require: "accuracy >= 88%\nlatency.p95 <= 200ms",
    prefer: "min server-cost\nmin latency",
  },
  {
    name: "Spare the battery",
    title: "As little energy on the device as accuracy allows",
    require: "accuracy >= 88%",
    prefer: "min energy",
  },
  {
    name: "Few bytes",
    title: "Send as little as accuracy and time allow",
    require: "accuracy >= 88%\nlatency.p95 <= 200ms",
    prefer: "min bytes\nmin latency",
  },
];

export class Goals {
  readonly text: Signal<SlaText>;
  readonly reading: ReadonlySignal<SlaReading>;

  constructor() {
    const { require, prefer } = goalPresets[0]!;
    this.text = signal({ require, prefer });
    this.reading = computed(() => readSla(this.text.value));
  }

  edit(change: Partial<SlaText>): void {
    this.text.value = { ...this.text.value, ...change };
  }
}
