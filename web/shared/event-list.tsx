// What happened, the latest on top.

import type { JSX } from "preact";
import type { Tone } from "./chip.tsx";

export interface PageEvent {
  readonly id: number;
  /** Since 1970. */
  readonly atMs: number;
  /** One word. */
  readonly kind: string;
  readonly text: string;
  readonly tone: Tone;
}

export interface EventListProps {
  /** The latest first. */
  readonly events: readonly PageEvent[];
  readonly label: string;
  /** Where there are none. */
  readonly empty: string;
}

export function EventList({ events, label, empty }: EventListProps): JSX.Element {
  if (events.length === 0) return <p class="soft">{empty}</p>;
  return (
    // to be scrolled by keys, it must take the focus
    // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
    <ol class="events" aria-label={label} tabIndex={0}>
      {events.map(({ id, atMs, kind, text, tone }) => (
        <li key={id} data-tone={tone}>
          <time class="soft number">{new Date(atMs).toLocaleTimeString([], { hour12: false })}</time>
          <span class="kind">{kind}</span>
          <span>{text}</span>
        </li>
      ))}
    </ol>
  );
}
