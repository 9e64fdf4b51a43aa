// A part of a page under its heading.

import type { ComponentChildren, JSX } from "preact";

export interface PanelProps {
  readonly title: string;
  /** Of the section, for the page's grid; the heading's id follows from it. */
  readonly name: string;
  /** Beside the heading. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Panel({ title, name, aside, children }: PanelProps): JSX.Element {
  const id = `${name}-title`;
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside !== undefined && <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}
