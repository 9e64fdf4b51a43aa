// The network as the strip shows it: for each exit the slice of the trunk before it, who computes that, and what came of the last
// image there. Pure.

import { isConfident } from "../../src/progressive/exit-policy.ts";
import type { InferenceResult, NetworkInfo, Plan } from "../../src/web/index.ts";
import { stagesOnDevice } from "./plan-words.ts";

export interface Stage {
  readonly name: string;
  /** Of the whole network's work: the slice and the exit's head. */
  readonly share: number;
  readonly side: "device" | "server";
  /** Confidence that suffices; undefined where the exit is not asked. */
  readonly threshold: number | undefined;
  readonly outcome: Outcome;
}

export type Outcome =
  /** No image came here, or none was run. */
  | { readonly kind: "untouched" }
  /** The exit was passed without being asked. */
  | { readonly kind: "not-asked" }
  /** It was not sure enough. */
  | { readonly kind: "passed"; readonly label: string; readonly confidence: number }
  /** The same, at the server, which does not tell how sure it was. */
  | { readonly kind: "passed-there" }
  | { readonly kind: "answered"; readonly label: string; readonly confidence: number };

/** @param result of the last image, by whatever plan; its sides are those of the plan that it followed */
export function stagesOf(network: NetworkInfo, plan: Plan, result: InferenceResult | undefined): Stage[] {
  const followed = result?.plan ?? plan;
  // what the device did in the server's place it has done
  const own = result?.source === "device" ? reached(network, result) + 1 : 0;
  const split = Math.max(stagesOnDevice(network, followed), own);
  return network.exits.map(({ name, flopsFraction }, i) => {
    const threshold = followed.thresholds[i]!;
    return {
      name,
      share: flopsFraction - (network.exits[i - 1]?.flopsFraction ?? 0),
      side: i < split ? "device" : "server",
      threshold: threshold > 1 ? undefined : threshold,
      outcome: result ? outcomeAt(network, result, i) : { kind: "untouched" },
    };
  });
}

function outcomeAt(network: NetworkInfo, result: InferenceResult, exit: number): Outcome {
  const { label, confidence, plan, deviceExits } = result;
  if (exit === result.exit) return { kind: "answered", label, confidence };
  if (exit > reached(network, result)) return { kind: "untouched" };
  if (plan.thresholds[exit]! > 1) return { kind: "not-asked" };
  const said = deviceExits.find((one) => one.exit === exit);
  return said ? { kind: "passed", label: said.label, confidence: said.confidence } : { kind: "passed-there" };
}

/** The last exit that was computed: who answers without being sure has seen all that its side computes. */
function reached({ exits }: NetworkInfo, { exit, confidence, plan, source, deviceExits }: InferenceResult): number {
  if (isConfident(confidence, plan.thresholds[exit]!)) return exit;
  return source === "server" ? exits.length - 1 : Math.max(exit, deviceExits.at(-1)?.exit ?? 0);
}
