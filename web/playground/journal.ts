// What happened, in words, the latest first.

import { type Signal, signal } from "@preact/signals";
import type { Tone } from "../shared/chip.tsx";
import type { PageEvent } from "../shared/event-list.tsx";

/** As many as anybody scrolls through. */
const KEPT = 100;

/** The same again, and again, becomes a count. */
interface Entry extends PageEvent {
  readonly base: string;
  readonly times: number;
}

export class Journal {
  readonly events: Signal<readonly Entry[]> = signal<readonly Entry[]>([]);
  #lastId = 0;

  note(kind: string, text: string, tone: Tone = "plain"): void {
    const { value } = this.events;
    const [last] = value;
    const atMs = Date.now();
    if (last && last.kind === kind && last.base === text) {
      const times = last.times + 1;
      this.events.value = [{ ...last, atMs, times, text: `${text} (${times} times)` }, ...value.slice(1)];
      return;
    }
    this.events.value = [{ id: ++this.#lastId, atMs, kind, text, tone, base: text, times: 1 }, ...value.slice(0, KEPT)];
  }
}
