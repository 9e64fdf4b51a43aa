// How many of the answers came from which exit, as one bar: early exits in the device's color, the last in the server's.

import type { JSX } from "preact";
import { percent } from "../shared/format.ts";

export interface ExitBarProps {
  /** Names, the final one last. */
  readonly exits: readonly string[];
  /** Answers of each. */
  readonly counts: readonly number[];
}

export function ExitBar({ exits, counts }: ExitBarProps): JSX.Element {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return <span class="soft">–</span>;
  const shares = exits.map((name, i) => ({ name, share: (counts[i] ?? 0) / all, color: exitColor(i, exits.length) }));
  const text = shares.flatMap(({ name, share }) => (share > 0 ? [`${name} ${percent(share, 0)}`] : [])).join(", ");
  return (
    <div class="exit-bar" role="img" aria-label={text} title={text}>
      {shares.map(({ name, share, color }) => (
        <span key={name} style={{ width: `${100 * share}%`, background: color }} />
      ))}
    </div>
  );
}

export function ExitLegend({ exits }: { readonly exits: readonly string[] }): JSX.Element {
  return (
    <ul class="legend">
      {exits.map((name, i) => (
        <li key={name} style={{ "--color": exitColor(i, exits.length) }}>
          {name}
        </li>
      ))}
    </ul>
  );
}

function exitColor(exit: number, exits: number): string {
  const share = exits > 1 ? exit / (exits - 1) : 1;
  return `color-mix(in oklch, var(--device) ${Math.round(100 * (1 - share))}%, var(--server))`;
}
