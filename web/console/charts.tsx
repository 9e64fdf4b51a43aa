// The last two minutes as charts.

import type { JSX } from "preact";
import type { ConsolePoint } from "../../src/server/console/console-snapshot.ts";
import { Chart, type ChartSeries } from "../shared/chart.tsx";
import { byteCount, milliseconds, significant } from "../shared/format.ts";

interface Curve extends Omit<ChartSeries, "values"> {
  readonly of: (point: ConsolePoint) => number | null;
}

interface Plot {
  readonly title: string;
  readonly format: (value: number) => string;
  readonly curves: readonly Curve[];
}

const perSecond = (value: number): string => `${significant(value)}/s`;

const plots: readonly Plot[] = [
  {
    title: "Runs",
    format: perSecond,
    curves: [
      { name: "answered", color: "server", kind: "area", of: (p) => p.answeredPerSecond },
      { name: "refused", color: "bad", of: (p) => p.refusedPerSecond },
    ],
  },
  {
    title: "Time of a run",
    format: milliseconds,
    curves: [
      { name: "computing, half within", color: "server", of: (p) => p.computeMs?.p50 ?? null },
      { name: "waiting, 95 % within", color: "accent", of: (p) => p.queueMs?.p95 ?? null },
    ],
  },
  {
    title: "Waiting or computing",
    format: significant,
    curves: [{ name: "runs", color: "accent", kind: "area", of: (p) => p.queued }],
  },
  {
    title: "Images in a batch, on average",
    format: significant,
    curves: [{ name: "images", color: "server", of: (p) => p.meanBatch }],
  },
  {
    title: "Load factor",
    format: significant,
    curves: [{ name: "load", color: "accent", of: (p) => p.loadFactor }],
  },
  {
    title: "Traffic",
    format: (value) => `${byteCount(value)}/s`,
    curves: [
      { name: "received", color: "device", kind: "area", of: (p) => p.receivedBytesPerSecond },
      { name: "sent", color: "server", of: (p) => p.sentBytesPerSecond },
    ],
  },
];

export function Charts({ history }: { readonly history: readonly ConsolePoint[] }): JSX.Element {
  const x = history.map(({ atMs }) => atMs / 1000);
  return (
    <div class="charts">
      {plots.map(({ title, format, curves }) => {
        const series = curves.map(({ of, ...rest }) => ({ ...rest, values: history.map(of) }));
        const now = series.map(({ name, values }) => `${name} ${said(values.at(-1), format)}`).join(", ");
        return <Chart key={title} title={title} x={x} series={series} format={format} summary={now} />;
      })}
    </div>
  );
}

function said(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? "nothing" : format(value);
}
