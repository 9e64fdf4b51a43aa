// The dashboard and the alerts of deploy/ name metrics and labels that a real server has.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { describeNetwork } from "../src/engine/index.ts";
import { writeModelFile } from "../src/onnx/index.ts";
import { type Server, serve } from "../src/server/index.ts";
import { websocketDial } from "../src/transport/index.ts";
import { inputFor, RawDevice, runFor } from "./raw-device.ts";
import { toyProgressive } from "./toy.ts";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** What Prometheus adds when it scrapes, and histograms have in each bucket. */
const ADDED = ["job", "instance", "le"];
let folder: string;
let server: Server;
/** Names of a real server's metrics, each with its labels. */
let metrics: Map<string, Set<string>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-dashboard-"));
  const model = toyProgressive();
  const network = describeNetwork(model);
  await writeModelFile(join(folder, "toy.onnx"), model);
  server = await serve({ models: [join(folder, "toy.onnx")], port: 0, workers: 1, cacheFolder: folder });
  // everything has happened once: labels are there when there is something to count
  const device = await RawDevice.greeted(websocketDial(server.url), network);
  await device.asks(runFor(network, 1, inputFor(network, 1)));
  device.say({
    ...runFor(network, 2, inputFor(network, 1)),
    plan: { cut: "nowhere", thresholds: [1], codec: "float32", bits: 32 },
  });
  await device.hears("refuse", 2);
  const page = server.url.replace("ws:", "http:");
  await fetch(`${page}/healthz`);
  metrics = labelsOf(await (await fetch(`${page}/metrics`)).text());
  device.close();
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

function labelsOf(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = "", labels = ""] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Set();
    for (const [, label = ""] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

/** What is wrong with an expression, in words. */
function problemsOf(expr: string): string[] {
  const problems: string[] = [];
  const used: Set<string>[] = [];
  for (const [, name = "", selector = ""] of expr.matchAll(/\b((?:spinn|process|nodejs)_\w+)(?:\{([^}]*)\})?/g)) {
    const labels = metrics.get(name);
    if (!labels) problems.push(`no metric ${name}`);
    else used.push(labels);
    for (const [, label = ""] of selector.matchAll(/(\w+)\s*[!=]~?=?\s*"/g))
      if (labels && !labels.has(label) && !ADDED.includes(label)) problems.push(`${name} has no label ${label}`);
  }
  for (const [, list = ""] of expr.matchAll(/\bby \(([^)]*)\)/g))
    for (const label of list.split(",").map((one) => one.trim()))
      if (!ADDED.includes(label) && !used.every((labels) => labels.has(label))) problems.push(`not all have ${label}`);
  return problems;
}

const pathOf = (file: string): URL => new URL(`../deploy/${file}`, import.meta.url);

test("every panel asks for what a server has, has a name, and a place of its own", async () => {
  const { panels } = JSON.parse(await readFile(pathOf("grafana/dashboard.json"), "utf8")) as { panels: Panel[] };
  const targets = panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));
  expect(targets.length).toBeGreaterThan(20);
  for (const { title, expr } of targets) expect({ title, problems: problemsOf(expr) }).toEqual({ title, problems: [] });
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  // and the other way: what there is can be seen
  const all = targets.map(({ expr }) => expr).join("\n");
  const own = [...metrics.keys()]
    .filter((name) => name.startsWith("spinn_"))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ""));
  expect([...new Set(own)].filter((name) => !all.includes(name))).toEqual([]);
});

test("alerts ask for what a server has, and say what to do", async () => {
  const { groups } = parse(await readFile(pathOf("prometheus/alerts.yml"), "utf8")) as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap((group) => group.rules);
  expect(rules.length).toBeGreaterThan(4);
  for (const { alert, expr, labels, annotations } of rules) {
    expect({ alert, problems: problemsOf(expr) }).toEqual({ alert, problems: [] });
    expect(labels.severity).toMatch(/^(warning|critical)$/);
    expect(annotations).toEqual({ summary: expect.stringMatching(/\w/), description: expect.stringMatching(/\w/) });
  }
  const { scrape_configs, rule_files } = parse(await readFile(pathOf("prometheus/prometheus.yml"), "utf8"));
  expect(scrape_configs).toEqual([expect.objectContaining({ job_name: "spinn", metrics_path: "/metrics" })]);
  expect(rule_files).toEqual(["alerts.yml"]);
});

test("the test sees names and labels that are none", () => {
  expect(problemsOf('sum by (colour) (rate(spinn_runs_total{taste="sweet"}[5m])) / spinn_nothing')).toEqual([
    "spinn_runs_total has no label taste",
    "no metric spinn_nothing",
    "not all have colour",
  ]);
});
