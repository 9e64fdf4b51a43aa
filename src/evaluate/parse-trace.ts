// Reads a bandwidth trace from JSON, CSV or mahimahi's format; docs/link-emulation.md describes all three.

import { readFile } from "node:fs/promises";
import { messageOf, SpinnError } from "../errors.ts";
import type { BandwidthStep, BandwidthTrace } from "./bandwidth-trace.ts";

/** A line of mahimahi's format says when so many bytes may leave. */
const OPPORTUNITY_BITS = 1500 * 8;

/** @throws {SpinnError} FileAccess, InvalidData */
export async function readTrace(path: string): Promise<BandwidthTrace> {
  const text = await readFile(path, "utf8").catch((cause) => {
    throw new SpinnError("FileAccess", `Cannot read the trace ${JSON.stringify(path)}: ${messageOf(cause)}`, { cause });
  });
  return parseTrace(text, path);
}

/**
 * Reads JSON (`[{ "seconds": 0, "bps": 8000000 }, …]`), CSV (`seconds,bps` on each line) or mahimahi's format (one
 * millisecond on each line). In the first two a line says what holds from that time on; the last one holds as long as the
 * one before it, or 1 s when it is alone. Empty lines and lines that start with # say nothing.
 *
 * @param name of the source, for errors
 * @throws {SpinnError} InvalidData, with the number of the line
 */
export function parseTrace(text: string, name = "trace"): BandwidthTrace {
  const fail: Fail = (line, what) =>
    new SpinnError(
      "InvalidData",
      `The trace ${JSON.stringify(name)}${line === undefined ? "" : `, line ${line}`}: ${what}`,
    );
  if (text.trimStart().startsWith("[")) return fromPoints(jsonPoints(text, fail), fail);
  const lines = text
    .split("\n")
    .map((line, i) => ({ number: i + 1, text: line.trim() }))
    .filter((line) => line.text !== "" && !line.text.startsWith("#"));
  const first = lines[0];
  if (!first) throw fail(undefined, "it is empty");
  return first.text.includes(",") ? fromPoints(csvPoints(lines, fail), fail) : fromOpportunities(lines, fail);
}

type Fail = (line: number | undefined, what: string) => SpinnError;

interface Line {
  readonly number: number;
  readonly text: string;
}

interface Point {
  /** Where it stands: a line, or undefined in JSON. */
  readonly line: number | undefined;
  readonly seconds: number;
  readonly bitsPerSecond: number;
}

function jsonPoints(text: string, fail: Fail): Point[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw fail(undefined, `it is not JSON: ${messageOf(error)}`);
  }
  return (list as unknown[]).map((entry, i) => {
    const { seconds, bps } = (entry ?? {}) as { seconds?: unknown; bps?: unknown };
    if (typeof seconds !== "number" || typeof bps !== "number")
      throw fail(undefined, `entry ${i} is not { "seconds": number, "bps": number }`);
    return { line: undefined, seconds, bitsPerSecond: bps };
  });
}

function csvPoints(lines: readonly Line[], fail: Fail): Point[] {
  const body = /^seconds\s*,\s*bps$/i.test(lines[0]!.text) ? lines.slice(1) : lines;
  return body.map(({ number, text }) => {
    const fields = text.split(",").map((field) => (field.trim() === "" ? Number.NaN : Number(field)));
    const [seconds, bitsPerSecond] = fields as [number, number];
    if (fields.length !== 2 || fields.some(Number.isNaN))
      throw fail(number, `${JSON.stringify(text)} is not "seconds,bps"`);
    return { line: number, seconds, bitsPerSecond };
  });
}

function fromPoints(points: readonly Point[], fail: Fail): BandwidthTrace {
  if (points.length === 0) throw fail(undefined, "it is empty");
  const place = (i: number): string => (points[i]!.line === undefined ? `entry ${i}: ` : "");
  const steps = points.map(({ line, seconds, bitsPerSecond }, i) => {
    if (!(bitsPerSecond >= 0 && bitsPerSecond < Infinity))
      throw fail(line, `${place(i)}a bandwidth must be 0 or more, not ${bitsPerSecond}`);
    if (!Number.isFinite(seconds)) throw fail(line, `${place(i)}${seconds} is not a time`);
    const next = points[i + 1];
    const step = next ? next.seconds - seconds : i > 0 ? seconds - points[i - 1]!.seconds : 1;
    if (!(step > 0)) throw fail(next?.line, `${place(i + 1)}times must rise: ${next?.seconds} is not after ${seconds}`);
    return { durationMs: step * 1000, bitsPerSecond };
  });
  return withBandwidth(steps, fail);
}

/**
 * Opportunities of a millisecond become a rate during it, so that whatever is due at t has left at t. What is lost of
 * mahimahi's rule is less than a millisecond: there, an opportunity passes unused when nothing waits at that instant.
 */
function fromOpportunities(lines: readonly Line[], fail: Fail): BandwidthTrace {
  const due: { ms: number; count: number }[] = [];
  let last = 0;
  for (const { number, text } of lines) {
    if (!/^\d{1,12}$/.test(text)) throw fail(number, `${JSON.stringify(text)} is not a time in whole milliseconds`);
    const at = Number(text);
    if (at < last) throw fail(number, `times must not fall: ${at} comes after ${last}`);
    last = at;
    const ms = Math.max(1, at); // what is due at 0 leaves during the first millisecond
    if (due.at(-1)?.ms === ms) due.at(-1)!.count++;
    else due.push({ ms, count: 1 });
  }
  const steps: BandwidthStep[] = [];
  let nowMs = 0;
  for (const { ms, count } of due) {
    if (ms - 1 > nowMs) steps.push({ durationMs: ms - 1 - nowMs, bitsPerSecond: 0 });
    steps.push({ durationMs: 1, bitsPerSecond: count * OPPORTUNITY_BITS * 1000 });
    nowMs = ms;
  }
  return withBandwidth(steps, fail);
}

function withBandwidth(steps: readonly BandwidthStep[], fail: Fail): BandwidthTrace {
  if (!steps.some((step) => step.bitsPerSecond > 0)) throw fail(undefined, "it has no bandwidth at all");
  return { steps };
}
