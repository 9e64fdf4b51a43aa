// How it has been going: latency, bytes and exits of the last images, and when the plan changed.

import type { JSX } from "preact";
import { Chart, type ChartSeries } from "../shared/chart.tsx";
import { byteCount, milliseconds } from "../shared/format.ts";
import { Panel } from "../shared/panel.tsx";
import { stagesOnDevice } from "./plan-words.ts";
import type { Runner, Shot } from "./runner.ts";
import type { Session } from "./session.ts";

export interface ChartsPanelProps {
  readonly session: Session;
  readonly runner: Runner;
}

export function ChartsPanel({ session, runner }: ChartsPanelProps): JSX.Element {
  const shots = runner.shots.value;
  const network = session.network.value;
  const x = shots.map(({ atMs }) => atMs / 1000);
  const marks = session.changedAtMs.value.map((ms) => ms / 1000);
  const last = shots.at(-1)?.result;
  const names = network?.exits.map(({ name }) => name.replace(/^exit(?=\d)/, "exit ")) ?? [];
  return (
    <Panel title="Over time" name="charts" aside={<span class="soft mark-key">the plan changed</span>}>
      <div class="running">
        <Chart
          title="Latency"
          x={x}
          marks={marks}
          format={milliseconds}
          summary={last ? `the last image took ${milliseconds(last.timings.totalMs)}` : "nothing yet"}
          series={[
            ...bySource(shots, ({ result }) => result.timings.totalMs),
            {
              name: "expected mean",
              color: "accent",
              kind: "step",
              values: shots.map(({ expectedMs }) => expectedMs ?? null),
            },
          ]}
        />
        <Chart
          title="Sent, an image"
          x={x}
          marks={marks}
          format={byteCount}
          summary={last ? `${byteCount(last.bytesUp)} for the last image` : "nothing yet"}
          series={[{ name: "bytes", color: "server", kind: "area", values: shots.map(({ result }) => result.bytesUp) }]}
        />
        <Chart
          title="Where images left"
          x={x}
          marks={marks}
          format={(exit) => names[exit - 1] ?? ""}
          ticks={names.map((_, i) => i + 1)}
          summary={last ? `the last image left at ${last.exitName}` : "nothing yet"}
          series={[
            ...bySource(shots, ({ result }) => result.exit + 1),
            {
              name: "split",
              color: "accent",
              kind: "step",
              values: shots.map(({ result }) => (network ? stagesOnDevice(network, result.plan) + 0.5 : null)),
            },
          ]}
        />
      </div>
    </Panel>
  );
}

function bySource(shots: readonly Shot[], read: (shot: Shot) => number): ChartSeries[] {
  const of = (source: "device" | "server"): (number | null)[] =>
    shots.map((shot) => (shot.result.source === source ? read(shot) : null));
  return [
    { name: "answered here", color: "device", kind: "points", values: of("device") },
    { name: "answered there", color: "server", kind: "points", values: of("server") },
  ];
}
