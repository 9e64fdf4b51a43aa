// Counted things as bars with their names and numbers.

import type { JSX } from "preact";

export interface BarListProps {
  readonly rows: readonly { readonly name: string; readonly count: number }[];
  /** Where there are none. */
  readonly empty: string;
  /** @default "server" */
  readonly color?: "server" | "bad";
}

export function BarList({ rows, empty, color = "server" }: BarListProps): JSX.Element {
  if (rows.length === 0) return <p class="soft">{empty}</p>;
  const most = Math.max(...rows.map(({ count }) => count), 1);
  return (
    <dl class="bars" style={{ "--color": `var(--${color})` }}>
      {rows.map(({ name, count }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="number" style={{ "--share": `${(100 * count) / most}%` }}>
            {count}
          </dd>
        </div>
      ))}
    </dl>
  );
}
