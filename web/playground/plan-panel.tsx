// The plan of the moment: what it does, what it is expected to deliver, and what it delivers.

import type { JSX } from "preact";
import { type Summary, summarize } from "../../src/evaluate/summarize.ts";
import type { Expected } from "../../src/scheduler/index.ts";
import { byteCount, milliseconds, percent, significant } from "../shared/format.ts";
import { Panel } from "../shared/panel.tsx";
import { planInWords, relaxedInWords, whyInWords } from "./plan-words.ts";
import { answered, type Runner, type Shot } from "./runner.ts";
import type { Session } from "./session.ts";

/** Older images may have met another world. */
const RECENT = 100;

export interface PlanPanelProps {
  readonly session: Session;
  readonly runner: Runner;
}

export function PlanPanel({ session, runner }: PlanPanelProps): JSX.Element {
  const network = session.network.value;
  const plan = session.plan.value;
  const change = session.change.value;
  const expected = session.expected.value;
  return (
    <Panel title="Plan" name="plan" aside={change && <span class="soft">{whyInWords(change)}</span>}>
      {network && plan && <p class="sentence">{planInWords(network, plan)}.</p>}
      {!change && <p class="soft">The device is measured once enough of the network is here; then a plan is chosen.</p>}
      {change &&
        relaxedInWords(change).map((line) => (
          <p key={line} class="notice">
            {line}
          </p>
        ))}
      {expected && <Delivery expected={expected} shots={since(runner.shots.value, session.changedAtMs.value.at(-1))} />}
    </Panel>
  );
}

function since(shots: readonly Shot[], atMs = 0): readonly Shot[] {
  return shots.filter((shot) => shot.atMs > atMs).slice(-RECENT);
}

/** What was promised beside what came of it. */
function Delivery({ expected, shots }: { readonly expected: Expected; readonly shots: readonly Shot[] }): JSX.Element {
  const knowsAll = shots.every(({ picture }) => picture?.label !== undefined);
  const found: Summary | undefined =
    shots.length === 0
      ? undefined
      : summarize(
          shots.map(({ result, picture }) => answered(result, picture?.label)),
          shots.length,
          expected.exitRates.length,
        );
  const rows: readonly [string, string, string | undefined][] = [
    ["latency, mean", milliseconds(expected.latency.mean), found && milliseconds(found.latencyMs.mean)],
    ["latency, 95 % within", milliseconds(expected.latency.p95), found && milliseconds(found.latencyMs.p95)],
    ["right answers", percent(expected.accuracy), found && knowsAll ? percent(found.accuracy) : undefined],
    ["computing here", milliseconds(expected.deviceCost), found && milliseconds(found.deviceMsMean)],
    ["computing there", milliseconds(expected.serverCost), found && milliseconds(found.serverMsMean)],
    ["sent, an image", byteCount(expected.bytes), found && byteCount(found.bytesUpMean)],
    ["energy, an image", `${significant(expected.energy)} mJ`, undefined],
  ];
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Means</th>
          <th scope="col" class="number">
            expected
          </th>
          <th scope="col" class="number">
            {found ? `last ${found.images}` : "measured"}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, wanted, got = "–"]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">{wanted}</td>
            <td class="number">{got}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
