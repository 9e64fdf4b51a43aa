// A word of state with a colored dot.

import type { ComponentChildren, JSX } from "preact";

export type Tone = "good" | "bad" | "busy" | "plain";

export interface ChipProps {
  /** @default "plain" */
  readonly tone?: Tone;
  readonly title?: string;
  readonly children: ComponentChildren;
}

export function Chip({ tone = "plain", title, children }: ChipProps): JSX.Element {
  return (
    <span class="chip" data-tone={tone} title={title}>
      {children}
    </span>
  );
}
