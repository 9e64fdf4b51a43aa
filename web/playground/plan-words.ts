// Plans, and why they change, in words.

import type { FallbackReason, NetworkInfo, Plan, PlanChange } from "../../src/web/index.ts";
import { byteCount, milliseconds, percent, significant } from "../shared/format.ts";

/** How many of the network's exits, and of the slices before them, are on the device. */
export function stagesOnDevice(network: NetworkInfo, { cut }: Pick<Plan, "cut">): number {
  return network.cuts.find(({ id }) => id === cut)?.exitsBefore ?? network.exits.length;
}

/** @example "3 of 7 slices here, then 8-bit rANS to the server" */
export function planInWords(network: NetworkInfo, plan: Plan): string {
  const here = stagesOnDevice(network, plan);
  const all = network.exits.length;
  if (here === all) return "Everything on the device";
  const how = plan.codec === "image" ? "the image as it is" : codecInWords(plan);
  if (here === 0) return `Everything on the server: ${how} goes there`;
  return `${here} of ${all} slices on the device, then ${how} to the server`;
}

function codecInWords({ codec, bits }: Plan): string {
  const names = {
    float32: "float32",
    packed: `${bits} bits a value`,
    lz4: `${bits}-bit LZ4`,
    rans: `${bits}-bit rANS`,
  };
  return codec === "image" ? "the image" : names[codec];
}

export function whyInWords({ why }: PlanChange): string {
  switch (why.kind) {
    case "asked":
      return "as asked";
    case "first":
      return "a fresh choice";
    case "broken":
      return `the plan before no longer keeps ${why.constraint}`;
    case "better":
      return `better ${why.metric}`;
    default:
      return why.kind;
  }
}

/** @example ["latency.p95 <= 5ms cannot be kept: 31 ms"] */
export function relaxedInWords({ relaxed = [] }: PlanChange): string[] {
  return relaxed.map(
    ({ constraint, got }) => `${constraint} cannot be kept now; the nearest is ${inUnitOf(constraint, got)}`,
  );
}

function inUnitOf(constraint: string, value: number): string {
  if (/^(latency|server-cost|device-cost)/.test(constraint)) return milliseconds(value);
  if (/^(accuracy|robustness)/.test(constraint)) return percent(value);
  if (constraint.startsWith("bytes")) return byteCount(value);
  return constraint.startsWith("energy") ? `${significant(value)} mJ` : `${significant(value)} /s`;
}

const reasons: Readonly<Record<string, string>> = {
  "no-connection": "no connection when the server was needed",
  disconnected: "the connection was lost before the answer came",
  deadline: "the server was too late",
  "queue-full": "too many images wait for the server",
  "bad-answer": "the server's answer could not be true",
};

export function reasonInWords(reason: FallbackReason): string {
  return reasons[reason] ?? `the server refused (${reason.replace("refused:", "")})`;
}
