// An evaluation as a picture, after the paper's Figs. 3 and 4: accuracy against the threshold, beside the share of
// images that have left by each exit. One SVG file that needs nothing else.

import type { Evaluation } from "./evaluate.ts";
import { escapeXml, niceTicks, Panel, panelStyle } from "./svg-panel.ts";

/** In the order of the thresholds; legible on light and dark. */
const colors = ["#8f5cc9", "#4673d1", "#2a9d8f", "#6aa84f", "#d99016"] as const;
const accent = colors[1];
const width = 1040;
const height = 440;

/** @returns the text of an SVG file, 1040 x 440 */
export function plotEvaluation(result: Evaluation): string {
  const heading = `${result.model} on ${result.dataset}, ${result.images} images`;
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">
<title>${escapeXml(heading)}</title>
<desc>Left: accuracy against the exit threshold. Right: share of images that have left by each exit.</desc>
<style>${panelStyle}
</style>
<rect class="paper" width="${width}" height="${height}" rx="6"/>
${accuracyPanel(result)}
${exitPanel(result)}
<text class="note" x="${width - 24}" y="${height - 14}" text-anchor="end">${escapeXml(heading)}</text>
</svg>
`;
}

function accuracyPanel({ exits, thresholds }: Evaluation): Panel {
  const last = exits.at(-1)!.top1;
  const values = [last, ...thresholds.map((t) => t.top1)].map((v) => 100 * v);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // room below the lowest point for its note
  const ticks = niceTicks(low - 0.08 * (high - low), high, 5);
  const digits = ticks[1]! - ticks[0]! < 1 ? 1 : 0;
  const limits = thresholds.map((t) => t.threshold);
  const [from, to] = [Math.min(...limits), Math.max(...limits)];
  const margin = (to - from || 0.1) * 0.05;
  return new Panel({
    title: "Accuracy by threshold",
    box: [64, 74, 410, 290],
    x: {
      label: "confidence threshold",
      range: [from - margin, to + margin],
      ticks: limits.map((at) => ({ at, text: String(at) })),
    },
    y: {
      label: "top-1 in %; beside each point the mean FLOPs of an image",
      range: [ticks[0]!, ticks.at(-1)!],
      ticks: ticks.map((at) => ({ at, text: at.toFixed(digits) })),
    },
  })
    .level(100 * last, "last exit alone")
    .series(
      thresholds.map(({ threshold, top1, meanFlopsFraction }) => {
        return { x: threshold, y: 100 * top1, note: `${Math.round(100 * meanFlopsFraction)} %` };
      }),
      accent,
    );
}

function exitPanel({ exits, thresholds }: Evaluation): Panel {
  const shown = spread(thresholds, colors.length);
  const panel = new Panel({
    title: "Images that have left, by exit",
    box: [570, 74, 440, 290],
    x: {
      label: "FLOPs up to the exit, in % of the whole network",
      range: [0, 1.04],
      ticks: exits.map(({ flopsFraction }) => ({ at: flopsFraction, text: String(Math.round(100 * flopsFraction)) })),
    },
    y: {
      label: "% of images",
      range: [0, 100],
      ticks: [0, 20, 40, 60, 80, 100].map((at) => ({ at, text: String(at) })),
    },
  });
  shown.forEach(({ exitRates }, i) => {
    let left = 0;
    const points = exits.map(({ flopsFraction }, e) => {
      left += exitRates[e]!;
      return { x: flopsFraction, y: 100 * left };
    });
    panel.series(points, colors[i]!);
  });
  return panel.legend(shown.map(({ threshold }, i) => ({ name: `≥ ${threshold}`, color: colors[i]! })));
}

/** At most `count` of `items`, evenly, the first and the last among them. */
function spread<T>(items: readonly T[], count: number): T[] {
  if (items.length <= count) return [...items];
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))]!);
}
