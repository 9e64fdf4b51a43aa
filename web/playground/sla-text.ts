// The agreement as the page has it: two texts, a statement a line (docs/sla.md). What a slider moves is a statement of the text.

import {
  type Constraint,
  type Metric,
  parseConstraint,
  parseSla,
  parseTarget,
  type Sla,
  SlaError,
} from "../../src/scheduler/index.ts";

export interface SlaText {
  readonly require: string;
  readonly prefer: string;
}

export interface SlaProblem {
  readonly list: keyof SlaText;
  /** What is wrong, in a line. */
  readonly what: string;
  /** The statement, and carets below the part that is wrong. */
  readonly excerpt: string;
}

export type SlaReading =
  | { readonly sla: Sla; readonly words: { readonly require: readonly string[]; readonly prefer: readonly string[] } }
  | { readonly problem: SlaProblem };

/** Empty lines do not count. */
export function statementsOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}

export function readSla(text: SlaText): SlaReading {
  const words = { require: statementsOf(text.require), prefer: statementsOf(text.prefer) };
  const problem =
    problemOf("require", () => words.require.forEach(parseConstraint)) ??
    problemOf("prefer", () => words.prefer.forEach(parseTarget));
  if (problem) return { problem };
  try {
    return { sla: parseSla(words), words };
  } catch (error) {
    if (!(error instanceof SlaError)) throw error;
    // what contradicts another statement is one of those as it stands
    return { problem: described(words.require.includes(error.text) ? "require" : "prefer", error) };
  }
}

function problemOf(list: keyof SlaText, parse: () => void): SlaProblem | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof SlaError) return described(list, error);
    throw error;
  }
}

function described(list: keyof SlaText, error: SlaError): SlaProblem {
  // where it is, the excerpt shows
  return { list, what: error.message.replace(/^.*?, column \d+: /s, ""), excerpt: error.excerpt };
}

/** The value that a metric is bound by, if it is; what cannot be read binds nothing. */
export function boundOf(text: string, metric: Metric, op: Constraint["op"]): number | undefined {
  return statementsOf(text)
    .map(constraintOf)
    .find((one) => one?.metric === metric && one.op === op)?.value;
}

/** The text with such a bound in place of the one that it had, or behind it; undefined takes it away. */
export function withBound(
  text: string,
  { metric, op }: Pick<Constraint, "metric" | "op">,
  value: string | undefined,
): string {
  const statement = value === undefined ? [] : [`${metric} ${op} ${value}`];
  const lines = statementsOf(text);
  const at = lines.findIndex((line) => {
    const found = constraintOf(line);
    return found?.metric === metric && found.op === op;
  });
  return (at < 0 ? [...lines, ...statement] : lines.toSpliced(at, 1, ...statement)).join("\n");
}

function constraintOf(line: string): Constraint | undefined {
  try {
    return parseConstraint(line);
  } catch {
    return undefined;
  }
}
