// An SLA in words and back: `latency.p95 <= 60ms`, `min server-cost within 5%`, `latency ~ 30ms` (docs/sla.md).

import { SpinnError } from "../errors.ts";
import { isMetric, type Metric, type MetricInfo, metrics } from "./metrics.ts";
import { nearestWord } from "./nearest-word.ts";
import { type Constraint, flawOf, type Sla, type Target } from "./sla.ts";

/** Words that are no SLA, and where. */
export class SlaError extends SpinnError {
  /** What was to be read. */
  readonly text: string;
  /** The part of it that is wrong, in UTF-16 units. */
  readonly start: number;
  readonly end: number;

  constructor(text: string, start: number, end: number, what: string, hint?: string) {
    const where = `"${text.replace(/[\p{C}\u2028\u2029]/gu, " ")}", column ${start + 1}`;
    super("Usage", `${where}: ${what}`, hint === undefined ? {} : { hint });
    this.text = text;
    this.start = start;
    this.end = end;
  }

  /** Two lines for people: the text, and carets below the part that is wrong. */
  get excerpt(): string {
    const text = this.text.replace(/[\p{C}\u2028\u2029]/gu, " ");
    return `${text}\n${" ".repeat(this.start)}${"^".repeat(Math.max(1, this.end - this.start))}`;
  }
}

/**
 * A whole agreement.
 *
 * @throws {SpinnError} Usage, a {@link SlaError} that points at the place, also for what contradicts or repeats something
 * @example parseSla({ require: ["latency.p95 <= 60ms", "accuracy >= 88%"], prefer: ["min server-cost"] })
 */
export function parseSla(words: { readonly require?: readonly string[]; readonly prefer?: readonly string[] }): Sla {
  const sla = { require: (words.require ?? []).map(parseConstraint), prefer: (words.prefer ?? []).map(parseTarget) };
  const flaw = flawOf(sla);
  if (!flaw) return sla;
  const text = words[flaw.list]![flaw.index]!;
  throw new SlaError(text, text.length - text.trimStart().length, text.trimEnd().length, flaw.what);
}

/** @throws {SlaError} */
export function parseConstraint(text: string): Constraint {
  const reader = new Reader(text);
  const first = reader.word();
  if (first?.text === "min" || first?.text === "max")
    throw reader.wrong(first, `"${first.text}" is a preference`, "Put it under prefer, or write METRIC <= VALUE");
  const metric = readMetric(reader, first);
  const op = reader.take(/<=|>=|≤|≥/y);
  if (!op) {
    const found = reader.rest(/[<>=~!]+|\S+/y);
    const hint = found.text === "~" ? "A value to aim at is a preference" : "Write <= or >=";
    throw reader.wrong(found, `${found.text ? `"${found.text}"` : "Nothing"} where a comparison belongs`, hint);
  }
  const value = readValue(reader, metric);
  reader.end();
  return { metric, op: op.text === "<=" || op.text === "≤" ? "<=" : ">=", value };
}

/** @throws {SlaError} */
export function parseTarget(text: string): Target {
  const reader = new Reader(text);
  const first = reader.word();
  if (first?.text === "min" || first?.text === "max") {
    const metric = readMetric(reader, reader.word());
    return { aim: first.text, metric, ...readTolerance(reader, metric) };
  }
  const metric = readMetric(reader, first, ["min", "max"]);
  if (!reader.take(/~/y)) {
    const found = reader.rest(/[<>=]+|\S+/y);
    const hint = /[<>=]/.test(found.text) ? "A bound belongs under require" : "Write min, max or METRIC ~ VALUE";
    throw reader.wrong(found, `${found.text ? `"${found.text}"` : "Nothing"} where ~ belongs`, hint);
  }
  const value = readValue(reader, metric);
  return { aim: "value", metric, value, ...readTolerance(reader, metric) };
}

/** In words that parse to the same. */
export function printConstraint({ metric, op, value }: Constraint): string {
  return `${metric} ${op} ${printValue(metric, value)}`;
}

/** In words that parse to the same. */
export function printTarget(target: Target): string {
  const { aim, metric, tolerance } = target;
  const what = aim === "value" ? `${metric} ~ ${printValue(metric, target.value)}` : `${aim} ${metric}`;
  return tolerance === undefined ? what : `${what} within ${tolerance}`;
}

/** For each unit the ones that can be written: how many of them make one, or how many of it one of them makes. */
const units: { readonly [U in MetricInfo["unit"]]: Readonly<Record<string, { times: number } | { per: number }>> } = {
  ms: { ms: { times: 1 }, s: { times: 1000 }, us: { per: 1000 }, µs: { per: 1000 } },
  "/s": { "/s": { times: 1 }, "/min": { per: 60 } },
  mJ: { mJ: { times: 1 }, J: { times: 1000 }, uJ: { per: 1000 }, µJ: { per: 1000 } },
  bytes: { B: { times: 1 }, kB: { times: 1e3 }, MB: { times: 1e6 }, KiB: { times: 1024 }, MiB: { times: 1024 ** 2 } },
  share: { "": { times: 1 }, "%": { per: 100 } },
};

function printValue(metric: Metric, value: number): string {
  return `${value}${Object.keys(units[metrics[metric].unit])[0]}`;
}

function readMetric(reader: Reader, found: Token | undefined, others: readonly string[] = []): Metric {
  const token = found ?? reader.rest(/\S*/y);
  const name = token.text === "latency" ? "latency.mean" : token.text;
  if (isMetric(name)) return name;
  const known = ["latency", ...Object.keys(metrics)];
  const near = nearestWord(token.text, [...known, ...others]);
  const hint = near === undefined ? `There is ${known.join(", ")}` : `Did you mean ${near}?`;
  throw reader.wrong(token, token.text ? `There is no metric "${token.text}"` : "A metric is missing", hint);
}

function readValue(reader: Reader, metric: Metric): number {
  const amount = reader.take(/(\d+\.?\d*|\.\d+)(e[+-]?\d+)?/y);
  if (!amount) {
    const found = reader.rest(/\S*/y);
    throw reader.wrong(found, `${found.text ? `"${found.text}"` : "Nothing"} where a number belongs`);
  }
  const known = units[metrics[metric].unit];
  const token = reader.take(/%|\/?[A-Za-zµ]+/y);
  // a word may follow a number without a unit
  const unit = token?.text === "within" ? undefined : token;
  if (token && !unit) reader.back(token);
  const factor = Object.hasOwn(known, unit?.text ?? "") ? known[unit?.text ?? ""] : undefined;
  if (factor) return "times" in factor ? Number(amount.text) * factor.times : Number(amount.text) / factor.per;
  const choices = Object.keys(known).filter(Boolean);
  if (!unit) {
    const example = `${amount.text}${choices[0]}`;
    throw reader.wrong(amount, `${metric} needs a unit`, `Write ${example}, or one of ${choices.join(", ")}`);
  }
  const near = nearestWord(unit.text, choices);
  const hint = near === undefined ? `There is ${choices.join(", ")}` : `Did you mean ${near}?`;
  throw reader.wrong(unit, `"${unit.text}" is no unit of ${metric}`, hint);
}

/** `within 5%`, or nothing; then the end. */
function readTolerance(reader: Reader, metric: Metric): { tolerance?: number } {
  const word = reader.word();
  if (!word) {
    reader.end();
    return {};
  }
  if (word.text !== "within")
    throw reader.wrong(word, `"${word.text}" where the end or within belongs`, `Write e.g. ${metric} within 5%`);
  const tolerance = readValue(reader, "accuracy");
  reader.end();
  return { tolerance };
}

interface Token {
  readonly text: string;
  readonly start: number;
}

/** Reads a text from left to right, white space skipped. */
class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** What `pattern`, a sticky one, matches here. */
  take(pattern: RegExp): Token | undefined {
    while (/\s/.test(this.#text[this.#at] ?? "")) this.#at++;
    pattern.lastIndex = this.#at;
    const [text] = pattern.exec(this.#text) ?? [];
    if (text === undefined) return undefined;
    const token = { text, start: this.#at };
    this.#at += text.length;
    return token;
  }

  word(): Token | undefined {
    return this.take(/[A-Za-z][\w.-]*/y);
  }

  /** What stands where something else should; nothing, at the end. */
  rest(pattern: RegExp): Token {
    return this.take(pattern) ?? { text: "", start: this.#at };
  }

  back(token: Token): void {
    this.#at = token.start;
  }

  end(): void {
    const more = this.take(/\S.*/y);
    if (more) throw this.wrong(more, `"${more.text}" is too much`);
  }

  wrong({ text, start }: Token, what: string, hint?: string): SlaError {
    return new SlaError(this.#text, start, start + text.length, what, hint);
  }
}
