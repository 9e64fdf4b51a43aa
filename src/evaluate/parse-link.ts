// A link in words, as users write it: `4g`, `24mbps/40ms`, `5mbps/1mbps/80ms/jitter=10ms/cuts=0.1`.

import { SpinnError } from "../errors.ts";
import { isLinkPreset, linkPresets } from "./link-presets.ts";
import type { LinkSpec } from "./link-spec.ts";

const bitsPerSecond: Readonly<Record<string, number>> = { bps: 1, kbps: 1e3, mbps: 1e6, gbps: 1e9 };
const milliseconds: Readonly<Record<string, number>> = { us: 1e-3, ms: 1, s: 1e3 };

interface Part {
  readonly text: string;
  /** Where it begins in the whole, from 0. */
  readonly at: number;
}

/**
 * @param text the name of a preset, or `RATE/RTT` or `DOWN/UP/RTT`, with `/jitter=TIME` and `/cuts=PER_SECOND` behind it
 *   where wanted. Bandwidths are in bps, kbps, mbps or gbps of 1000s, times in us, ms or s; RTT is the whole round trip.
 * @throws {SpinnError} Usage, saying at which character it stops making sense
 * @example parseLink("24mbps/40ms") // both ways 24 Mbit/s, 20 ms each way
 */
export function parseLink(text: string): LinkSpec {
  const name = text.trim().toLowerCase();
  if (isLinkPreset(name)) return linkPresets[name];
  const parts = partsOf(text);
  const fail = (at: number, what: string): SpinnError => {
    const hint = `Write DOWN/UP/RTT or RATE/RTT, like 24mbps/40ms, or one of ${Object.keys(linkPresets).join(", ")}`;
    return new SpinnError("Usage", `The link ${JSON.stringify(text)} at character ${at + 1}: ${what}`, { hint });
  };
  const named = parts.filter((part) => part.text.includes("="));
  const plain = parts.slice(0, parts.length - named.length);
  const misplaced = plain.find((part) => part.text.includes("="));
  if (misplaced) throw fail(misplaced.at, `${JSON.stringify(misplaced.text)} must stand behind the round trip time`);
  const [first, second, third, extra] = plain;
  if (extra) throw fail(extra.at, `${JSON.stringify(extra.text)} is one too many`);
  if (!first || first.text === "") throw fail(first?.at ?? 0, "a bandwidth is missing");
  const down = quantity(first, bitsPerSecond, "bandwidth", fail);
  if (!second) throw fail(text.length, "the round trip time is missing");
  const up = third ? quantity(second, bitsPerSecond, "bandwidth", fail) : down;
  for (const [rate, part] of [[down, first] as const, [up, second] as const])
    if (rate === 0) throw fail(part.at, "a bandwidth must be more than 0");
  const rttMs = quantity(third ?? second, milliseconds, "time", fail);
  let link: LinkSpec = { downBitsPerSecond: down, upBitsPerSecond: up, rttMs };
  for (const part of named) {
    const [key, value = ""] = part.text.split("=", 2);
    const field = key === "jitter" ? "jitterMs" : key === "cuts" ? "cutsPerSecond" : undefined;
    if (!field) throw fail(part.at, `${JSON.stringify(key)} is neither jitter nor cuts`);
    if (field in link) throw fail(part.at, `${key} is there twice`);
    const rest = { text: value, at: part.at + key!.length + 1 };
    const amount = key === "jitter" ? quantity(rest, milliseconds, "time", fail) : quantity(rest, { "": 1 }, "", fail);
    link = { ...link, [field]: amount };
  }
  return link;
}

function partsOf(text: string): Part[] {
  let at = 0;
  return text.split("/").map((piece) => {
    const part = { text: piece.trim().toLowerCase(), at: at + (piece.length - piece.trimStart().length) };
    at += piece.length + 1;
    return part;
  });
}

function quantity(
  { text, at }: Part,
  units: Readonly<Record<string, number>>,
  what: string,
  fail: (at: number, what: string) => SpinnError,
): number {
  const [number = "", unit = ""] = /^(\d+(?:\.\d+)?|\.\d+)?\s*(.*)$/s.exec(text)?.slice(1) ?? [];
  if (number === "") throw fail(at, text === "" ? "a number is missing" : `${JSON.stringify(text)} is not a number`);
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  const expected = Object.keys(units).filter(Boolean).join(", ");
  if (factor === undefined) {
    const place = at + text.length - unit.length;
    if (what === "") throw fail(place, `there is a number without a unit here, not ${JSON.stringify(unit)}`);
    const problem = unit === "" ? "the unit is missing" : `${JSON.stringify(unit)} is no unit of ${what}`;
    throw fail(place, `${problem} (${expected})`);
  }
  const value = Number(number) * factor;
  if (!Number.isFinite(value)) throw fail(at, `${number} is too large`);
  return value;
}
