// A panel of a figure as SVG: axes from the data, a line, dots or steps for each series, bars upon each other. Its colours come
// from the page, which knows whether it is dark.

import { escapeXml, niceTicks } from "../../generator/svg-panel.ts";
import type { AxisSpec, BarPanel, LinePanel, Panel, Series } from "./figure.ts";

const WIDTH = 460;
const HEIGHT = 300;
const BOX = { left: 58, top: 36, right: 12, bottom: 44 } as const;
/** Names of bars stand askew below them. */
const BARS_BOTTOM = 96;
/** More points than these are drawn without dots. */
const MOST_DOTS = 40;

/** Which of the page's colours a series has: the same in every panel of a figure. */
export type ColorOf = (name: string) => number;

interface Scale {
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  /** 0 at the beginning of the axis, 1 at its end. */
  readonly part: (value: number) => number;
}

/** @returns the text of an SVG element */
export function chart(panel: Panel, colorOf: ColorOf): string {
  const height = panel.kind === "bars" ? HEIGHT + BARS_BOTTOM - BOX.bottom : HEIGHT;
  const body = panel.kind === "bars" ? bars(panel, colorOf) : lines(panel, colorOf);
  const label = escapeXml(panel.title);
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">
<text class="title" x="${BOX.left}" y="14">${label}</text>
${body}
</svg>`;
}

const x = (part: number): number => round(BOX.left + part * (WIDTH - BOX.left - BOX.right));
const y = (part: number): number => round(HEIGHT - BOX.bottom - part * (HEIGHT - BOX.top - BOX.bottom));

function lines({ x: xAxis, y: yAxis, series, levels = [] }: LinePanel, colorOf: ColorOf): string {
  const points = series.flatMap((one) => one.points);
  const across = scaleOf(
    xAxis,
    points.map((p) => p.x),
  );
  const up = scaleOf(yAxis, [...points.map((p) => p.y), ...levels.map((level) => level.y)]);
  return [
    grid(up, yAxis),
    ...across.ticks.map(({ at, text }) => {
      const here = x(across.part(at));
      return `<path class="axis" d="M${here} ${y(0)}v4"/><text class="tick" x="${here}" y="${y(0) + 17}" text-anchor="middle">${text}</text>`;
    }),
    `<text class="label" x="${x(0.5)}" y="${HEIGHT - 8}" text-anchor="middle">${escapeXml(xAxis.label)}</text>`,
    ...levels.map(({ name, y: value }) => {
      const here = y(up.part(value));
      return `<path class="level" d="M${x(0)} ${here}H${x(1)}"/><text class="label" x="${x(0) + 4}" y="${here - 4}">${escapeXml(name)}</text>`;
    }),
    ...series.map((one) => drawSeries(one, across, up, colorOf(one.name))),
  ].join("\n");
}

function drawSeries({ name, points, look = "line" }: Series, across: Scale, up: Scale, color: number): string {
  const at = points.map((p) => [x(across.part(p.x)), y(up.part(p.y))] as const);
  const path = at
    .map(([px, py], i) => {
      if (i === 0) return `M${px} ${py}`;
      return look === "steps" ? `H${px}V${py}` : `L${px} ${py}`;
    })
    .join("");
  const line = look === "dots" ? "" : `<path class="line s${color}" d="${path}"/>`;
  const dots =
    look === "steps" || (look === "line" && at.length > MOST_DOTS)
      ? ""
      : at
          .map(
            ([px, py], i) =>
              `<circle class="dot f${color}" cx="${px}" cy="${py}" r="3"><title>${tip(name, points[i]!)}</title></circle>`,
          )
          .join("");
  return line + dots;
}

function tip(name: string, point: { readonly x: number; readonly y: number }): string {
  return escapeXml(`${name}: ${short(point.x)}, ${short(point.y)}`);
}

function bars({ y: yAxis, categories, stacks }: BarPanel, colorOf: ColorOf): string {
  const totals = categories.map((_, c) => stacks.reduce((sum, { values }) => sum + values[c]!, 0));
  const up = scaleOf({ ...yAxis, from: 0 }, totals);
  const parts: string[] = [grid(up, yAxis)];
  categories.forEach((category, c) => {
    const from = (c + 0.15) / categories.length;
    const width = round((x(1) - x(0)) * (0.7 / categories.length));
    let below = 0;
    for (const { name, values } of stacks) {
      const value = values[c]!;
      const top = y(up.part(below + value));
      const height = round(y(up.part(below)) - top);
      const text = escapeXml(`${category}, ${name}: ${short(value)}`);
      if (height > 0)
        parts.push(
          `<rect class="f${colorOf(name)}" x="${x(from)}" y="${top}" width="${width}" height="${height}"><title>${text}</title></rect>`,
        );
      below += value;
    }
    const middle = round(x(from) + width / 2);
    parts.push(
      `<text class="tick" x="${middle}" y="${y(0) + 14}" text-anchor="end" transform="rotate(-32 ${middle} ${y(0) + 14})">${escapeXml(category)}</text>`,
    );
  });
  return parts.join("\n");
}

/** Horizontal lines, their values, and what they are counted in. */
function grid(up: Scale, axis: AxisSpec): string {
  const rows = up.ticks.map(({ at, text }) => {
    const here = y(up.part(at));
    return `<path class="grid" d="M${x(0)} ${here}H${x(1)}"/><text class="tick" x="${x(0) - 6}" y="${here + 4}" text-anchor="end">${text}</text>`;
  });
  const label = `<text class="label" x="${BOX.left}" y="29">${escapeXml(axis.label)}</text>`;
  return [...rows, label, `<path class="axis" d="M${x(0)} ${y(0)}H${x(1)}"/>`].join("\n");
}

function scaleOf({ scale = "linear", from, to }: AxisSpec, values: readonly number[]): Scale {
  const known = values.filter(Number.isFinite);
  const low = Math.min(...known, ...(from === undefined ? [] : [from]));
  const high = Math.max(...known, ...(to === undefined ? [] : [to]));
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { ticks: [], part: () => 0 };
  return scale === "log" ? logScale(low, high) : linearScale(low, high);
}

function linearScale(low: number, high: number): Scale {
  const all = niceTicks(low, high, 5);
  const [first, last] = [all[0]!, all.at(-1)!];
  const digits = Math.max(0, -Math.floor(Math.log10((last - first) / (all.length - 1)) + 1e-9));
  const ticks = all.map((at) => ({ at, text: at.toFixed(digits) }));
  return { ticks, part: (value) => (value - first) / (last - first) };
}

function logScale(low: number, high: number): Scale {
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const part = (value: number): number => (to > from ? (Math.log10(value) - from) / (to - from) : 0.5);
  const powers = Array.from(
    { length: Math.floor(to + 1e-9) - Math.ceil(from - 1e-9) + 1 },
    (_, i) => Math.ceil(from - 1e-9) + i,
  );
  return { ticks: powers.map((power) => ({ at: 10 ** power, text: short(10 ** power) })), part };
}

const round = (value: number): number => Math.round(value * 10) / 10;
const short = (value: number): string => String(Number(value.toPrecision(4)));
