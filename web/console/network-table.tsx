// The networks that are served: who uses them, where their runs begin and which exits answer.

import type { JSX } from "preact";
import type { NetworkRow } from "../../src/server/console/console-snapshot.ts";
import { significant } from "../shared/format.ts";
import { BarList } from "./bar-list.tsx";
import { ExitBar, ExitLegend } from "./exit-bar.tsx";

export function NetworkTable({ networks }: { readonly networks: readonly NetworkRow[] }): JSX.Element {
  return (
    <ul class="networks">
      {networks.map((network) => (
        <li key={network.hash}>
          <h3>
            {network.name} <span class="soft number">{network.hash.slice(0, 8)}</span>
          </h3>
          <p class="number">
            {network.clients} {network.clients === 1 ? "client" : "clients"} · {significant(network.answeredPerSecond)}{" "}
            runs/s · {network.answered} answered · {network.refused} refused
          </p>
          <ExitBar exits={network.exits} counts={network.byExit} />
          <ExitLegend exits={network.exits} />
          <h4>Where runs begin</h4>
          <BarList
            rows={network.byCut.map(({ cut, count }) => ({ name: cut, count }))}
            empty="Nobody has sent a run yet."
          />
        </li>
      ))}
    </ul>
  );
}
