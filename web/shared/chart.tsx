// A running chart: uPlot in the page's colors, as wide as its place, redrawn at most once a frame.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { onThemeChange, type ThemeColor, themeColor } from "./colors.ts";

export interface ChartSeries {
  readonly name: string;
  readonly color: ThemeColor;
  /** `step`: a value holds until the next; `points` without a line; `area` down to zero. @default "line" */
  readonly kind?: "line" | "step" | "points" | "area";
  /** As long as the chart's `x`; null: a gap. */
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  readonly series: readonly ChartSeries[];
  /** Rising. Seconds since 1970, or numbers of anything; see `time`. */
  readonly x: readonly number[];
  /** Are they times? @default true */
  readonly time?: boolean;
  /** What a value of the chart is called, with its unit. */
  readonly format: (value: number) => string;
  /** The only values that the axis names, and half of one around them; without them it goes from 0 to the largest value. */
  readonly ticks?: readonly number[];
  /** Places on the x axis that something happened at. */
  readonly marks?: readonly number[];
  /** @default 130 */
  readonly heightPx?: number;
  /** For who cannot see it: what there is to see now, in a sentence. */
  readonly summary: string;
}

export function Chart(props: ChartProps): JSX.Element {
  const { title, series, heightPx = 130, summary } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const frame = useRef(0);
  // another chart is made only for other series, not for other values
  const shape = JSON.stringify([series.map(({ name, color, kind }) => [name, color, kind]), props.ticks]);

  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(latest, element.clientWidth, heightPx), dataOf(latest.current), element);
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: heightPx }));
    resized.observe(element);
    const off = onThemeChange(draw);
    return () => {
      off();
      resized.disconnect();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [shape, heightPx]);

  useEffect(() => {
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0;
      plot.current?.setData(dataOf(latest.current));
    });
  });

  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {series.length > 1 && (
          <ul class="legend">
            {series.map(({ name, color }) => (
              <li key={name} style={{ "--color": `var(--${color})` }}>
                {name}
              </li>
            ))}
          </ul>
        )}
      </figcaption>
      <div class="canvas" ref={place} role="img" aria-label={`${title}: ${summary}`} />
    </figure>
  );
}

/** Shorter times have no sensible names on the axis. */
const LEAST_SECONDS = 10;

function timesShown(isEmpty: boolean, min: number, max: number): [number, number] {
  return isEmpty ? [0, LEAST_SECONDS] : [Math.min(min, max - LEAST_SECONDS), max];
}

function dataOf({ x, series }: ChartProps): uPlot.AlignedData {
  return [Array.from(x), ...series.map(({ values }) => Array.from(values))];
}

function optionsOf(latest: { readonly current: ChartProps }, width: number, height: number): uPlot.Options {
  const { series, time = true, ticks } = latest.current;
  const ink = themeColor("ink-soft");
  const grid = { stroke: themeColor("line"), width: 1 };
  const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: "11px system-ui, sans-serif" };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time, ...(time && { range: (_, min, max) => timesShown(latest.current.x.length === 0, min, max) }) },
      y: { range: (_, __, max) => (ticks ? [ticks[0]! - 0.5, ticks.at(-1)! + 0.5] : [0, max > 0 ? 1.08 * max : 1]) },
    },
    axes: [
      { ...axis, size: 24, space: 70 },
      {
        ...axis,
        size: 62,
        space: 28,
        values: (_, places) => namesOf(places, latest.current),
        ...(ticks && { splits: [...ticks] }),
      },
    ],
    series: [{}, ...series.map(seriesOf)],
    hooks: { drawClear: [(chart) => drawMarks(chart, latest.current.marks ?? [])] },
  };
}

/** Of places on the axis: none where the range means nothing, and none twice. */
function namesOf(places: readonly number[], { x, ticks, format }: ChartProps): string[] {
  if (x.length === 0 && !ticks) return places.map(() => "");
  const names = places.map(format);
  return names.map((name, i) => (name === names[i - 1] ? "" : name));
}

function seriesOf({ name, color, kind = "line" }: ChartSeries): uPlot.Series {
  const stroke = themeColor(color);
  if (kind === "points")
    return {
      label: name,
      stroke,
      width: 0,
      paths: () => null,
      points: { show: true, size: 5, fill: stroke, width: 0 },
    };
  const steps = kind === "step" && uPlot.paths.stepped?.({ align: 1 });
  const fill = kind === "area" ? { fill: stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.18)") } : {};
  return { label: name, stroke, width: 1.5, points: { show: false }, ...fill, ...(steps && { paths: steps }) };
}

function drawMarks(chart: uPlot, marks: readonly number[]): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.strokeStyle = themeColor("accent");
  ctx.setLineDash([4, 4]);
  ctx.beginPath();
  for (const at of marks) {
    const x = Math.round(chart.valToPos(at, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.restore();
}
