// The report: one HTML page that needs nothing else, in the reader's light or dark scheme.

import { escapeXml } from "../../generator/svg-panel.ts";
import { chart } from "./chart.ts";
import type { Figure, Panel } from "./figure.ts";

export interface Page {
  readonly title: string;
  /** Under the title. */
  readonly lead: string;
  /** Of the headlines: what is claimed, the paper's figure, ours, and whether it is reached. */
  readonly headlines: readonly HeadlineRow[];
  readonly sections: readonly Section[];
  /** In a few words, beside every figure. */
  readonly machine: string;
  /** What everything was run on: name and value. */
  readonly conditions: readonly (readonly [string, string])[];
}

export interface HeadlineRow {
  readonly what: string;
  readonly paper: string;
  readonly wanted: string;
  readonly found: string;
  readonly where: string;
  readonly isReached: boolean;
}

export interface Section {
  readonly name: string;
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

/** @returns the text of an HTML file */
export function renderPage({ title, lead, headlines, sections, machine, conditions }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeXml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeXml(title)}</h1>
<p class="lead">${escapeXml(lead)}</p>
${headlines.length > 0 ? headlineTable(headlines) : ""}
<nav>${sections.flatMap(({ figures }) => figures.map(({ id, title: name }) => `<a href="#${id}">${escapeXml(name)}</a>`)).join(" ")}</nav>
${sections.map((section) => sectionHtml(section, machine)).join("\n")}
<h2 id="conditions">What this ran on</h2>
<div class="wide"><table>${conditions.map(([name, value]) => `<tr><th>${escapeXml(name)}</th><td>${escapeXml(value)}</td></tr>`).join("")}</table></div>
</body>
</html>
`;
}

function headlineTable(rows: readonly HeadlineRow[]): string {
  const row = ({ what, paper, wanted, found, where, isReached }: HeadlineRow): string =>
    `<tr class="${isReached ? "reached" : "missed"}">${[
      what,
      paper,
      wanted,
      found,
      isReached ? "reached" : "not reached",
      where,
    ]
      .map((cell) => `<td>${escapeXml(cell)}</td>`)
      .join("")}</tr>`;
  return `<div class="wide"><table class="headlines"><tr><th>headline</th><th>the paper</th><th>wanted</th><th>here</th><th></th><th>where</th></tr>
${rows.map(row).join("\n")}</table></div>`;
}

function sectionHtml({ figures, notes }: Section, machine: string): string {
  const more = notes.map((note) => `<p class="note">${escapeXml(note)}</p>`).join("\n");
  return `${figures.map((figure) => figureHtml(figure, machine)).join("\n")}\n${more}`;
}

function figureHtml({ id, title, says, basis, paper, panels }: Figure, machine: string): string {
  const names = [...new Set(panels.flatMap(namesOf))];
  const colorOf = (name: string): number =>
    fixedColors.get(name) ?? freeColors[names.indexOf(name) % freeColors.length]!;
  const legend = names
    .map(
      (name) =>
        `<span><svg viewBox="0 0 10 10"><circle class="f${colorOf(name)}" cx="5" cy="5" r="4.5"/></svg>${escapeXml(name)}</span>`,
    )
    .join("");
  return `<section id="${id}">
<h2>${escapeXml(title)} <small class="${basis.includes("measured") ? "measured" : "simulated"}">${basis}</small> <small class="machine">${escapeXml(machine)}</small></h2>
<p>${escapeXml(says)}</p>
${paper === undefined ? "" : `<p class="paper">The paper: ${escapeXml(paper)}</p>`}
<div class="legend">${legend}</div>
<div class="panels">
${panels.map((panel) => `<figure>${chart(panel, colorOf)}</figure>`).join("\n")}
</div>
</section>`;
}

function namesOf(panel: Panel): string[] {
  return panel.kind === "bars" ? panel.stacks.map(({ name }) => name) : panel.series.map(({ name }) => name);
}

/** Policies have the same colour in every figure. */
const fixedColors = new Map([
  ["This project", 0],
  ["SPINN", 1],
  ["Neurosurgeon", 2],
  ["Edgent", 3],
  ["Server only", 4],
  ["Device only", 5],
  ["SPINN without exits", 6],
]);
const freeColors = [0, 2, 3, 1, 4, 5, 6, 7];

const light = ["#c2410c", "#7c3aed", "#2563eb", "#0f766e", "#b7791f", "#6b7280", "#a78bfa", "#be185d"];
const dark = ["#fb923c", "#a78bfa", "#60a5fa", "#2dd4bf", "#fbbf24", "#9ca3af", "#8b7bd8", "#f472b6"];

const colors = (list: readonly string[]): string =>
  list.map((color, i) => `.s${i}{stroke:${color}}.f${i}{fill:${color}}`).join("");

const style = `
:root{color-scheme:light dark;--ink:#1f2328;--soft:#5d6570;--paper:#fff;--grid:#e4e7eb;--card:#f6f7f9;--good:#15803d;--bad:#b91c1c}
body{font:16px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif;color:var(--ink);background:var(--paper);max-width:1040px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.25rem;margin:2.6rem 0 .3rem}
h2 small{font-size:.72rem;font-weight:600;padding:.1rem .5rem;border-radius:1rem;vertical-align:middle;border:1px solid currentColor}
.machine{color:var(--soft);font-weight:400;border:0}.wide{overflow-x:auto}
.measured{color:var(--good)}.simulated,.paper,.note,.lead{color:var(--soft)}.note,.paper{font-size:.88rem;margin:.3rem 0}
nav a{display:inline-block;margin:0 .8rem .2rem 0;color:inherit}
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(460px,100%),1fr));gap:.6rem}
figure{margin:0;background:var(--card);border-radius:6px;padding:.5rem}svg{width:100%;display:block}
.legend{font-size:.88rem;margin:.4rem 0}.legend span{margin-right:1rem;white-space:nowrap}.legend svg{width:10px;display:inline-block;margin-right:.35rem}
table{border-collapse:collapse;font-size:.9rem;margin:.8rem 0}td,th{text-align:left;vertical-align:top;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--grid)}
.reached td:nth-child(5){color:var(--good);font-weight:600}.missed td:nth-child(5){color:var(--bad);font-weight:600}
svg text{font:11px system-ui,"Segoe UI","DejaVu Sans",sans-serif;fill:var(--soft)}svg .title{font-size:13px;font-weight:600;fill:var(--ink)}
.grid{stroke:var(--grid);fill:none}.axis{stroke:var(--soft);fill:none}.level{stroke:var(--soft);stroke-dasharray:5 4;fill:none}
.line{fill:none;stroke-width:2;stroke-linejoin:round}.dot{stroke:var(--card);stroke-width:1}
${colors(light)}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaef;--soft:#9aa3ad;--paper:#111418;--grid:#2a2f36;--card:#191d22;--good:#4ade80;--bad:#f87171}
${colors(dark)}}
`;
