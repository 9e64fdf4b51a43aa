// Numbers with their names.

import type { JSX } from "preact";

export interface Figure {
  readonly name: string;
  /** With its unit; undefined where there is nothing yet. */
  readonly value: string | undefined;
}

export function Figures({ figures }: { readonly figures: readonly Figure[] }): JSX.Element {
  return (
    <dl class="figures">
      {figures.map(({ name, value = "–" }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
