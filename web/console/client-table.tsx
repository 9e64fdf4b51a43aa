// The devices that are connected, the busiest first.

import type { JSX } from "preact";
import type { ClientRow, NetworkRow } from "../../src/server/console/console-snapshot.ts";
import { byteCount, significant } from "../shared/format.ts";
import { ExitBar } from "./exit-bar.tsx";

export interface ClientTableProps {
  readonly clients: readonly ClientRow[];
  readonly networks: readonly NetworkRow[];
  /** How many there are, listed or not. */
  readonly count: number;
}

export function ClientTable({ clients, networks, count }: ClientTableProps): JSX.Element {
  if (clients.length === 0) return <p class="soft">No device is connected.</p>;
  const exitsOf = (model: string): readonly string[] => networks.find(({ name }) => name === model)?.exits ?? [];
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: to be scrolled by keys, it must take the focus */}
      <section class="scroll" tabIndex={0} aria-label="Table of clients">
        <table>
          <thead>
            <tr>
              <th scope="col">Client</th>
              <th scope="col">Network</th>
              <th scope="col">Cut</th>
              <th scope="col" class="number">
                Runs
              </th>
              <th scope="col" class="exits">
                Exits
              </th>
              <th scope="col" class="number">
                Answered
              </th>
              <th scope="col" class="number">
                Refused
              </th>
              <th scope="col" class="number">
                Received
              </th>
              <th scope="col" class="number">
                Sent
              </th>
            </tr>
          </thead>
          <tbody>
            {clients.map((one) => (
              <tr key={one.connection}>
                <th scope="row" title={`${one.connection}, since ${new Date(one.sinceMs).toLocaleTimeString()}`}>
                  {one.client ?? one.peer}
                  <span class="soft">{one.agent}</span>
                </th>
                <td>{one.model}</td>
                <td>{one.cut ?? "–"}</td>
                <td class="number">{significant(one.answeredPerSecond)}/s</td>
                <td class="exits">
                  <ExitBar exits={exitsOf(one.model)} counts={one.byExit} />
                </td>
                <td class="number">{one.answered}</td>
                <td class="number">{one.refused}</td>
                <td class="number">{byteCount(one.receivedBytes)}</td>
                <td class="number">{byteCount(one.sentBytes)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {count > clients.length && (
        <p class="soft">
          The busiest {clients.length} of {count}.
        </p>
      )}
    </>
  );
}
