// What the device does with an image, as plain data: where it hands over to the server, how sure an exit must be, how what
// crosses the link is packed (SPINN's configuration of split point, threshold and communication optimiser).

import type { CodecName, Coding } from "../codec/packed-tensor.ts";
import type { Thresholds } from "../progressive/exit-policy.ts";
import { indexOfCut } from "./cut-index.ts";
import type { CutPoint, NetworkInfo } from "./network-info.ts";

export interface Plan {
  /** `input`: the server does everything; `none`: the device does; else the id of a cut. */
  readonly cut: string;
  /** Confidence that suffices, one for each exit, the final one last; above 1: the exit is not computed. */
  readonly thresholds: readonly number[];
  /** `image`: at cut `input` an encoded image goes as it came; what is not encoded goes as `lz4`. */
  readonly codec: CodecName | "image";
  /** Width of quantized values, 2 to 8; 32 for `float32`. */
  readonly bits: number;
}

/** A plan as people write it. */
export interface PlanRequest {
  readonly cut: string;
  /** One for all exits, or one for each. @default 0.8, the paper's */
  readonly threshold?: Thresholds;
  /** @default "lz4" */
  readonly codec?: Plan["codec"];
  /** Width of quantized values, 2 to 8. @default 8 */
  readonly bits?: number;
}

/** @throws {RangeError} when the network has no such cut, or thresholds or width make no sense */
export function makePlan(network: NetworkInfo, request: PlanRequest): Plan {
  const { cut, threshold = 0.8, codec = "lz4", bits = 8 } = request;
  const thresholds = typeof threshold === "number" ? network.exits.map(() => threshold) : [...threshold];
  const plan = { cut, thresholds, codec, bits: codec === "float32" ? 32 : bits };
  checkPlan(network, plan);
  return plan;
}

/** @throws {RangeError} as `makePlan` */
export function checkPlan(network: NetworkInfo, { cut, thresholds, codec, bits }: Plan): void {
  cutOf(network, cut);
  if (thresholds.length !== network.exits.length)
    throw new RangeError(
      `${thresholds.length} thresholds for ${network.exits.length} exits: the final one needs one too`,
    );
  for (const t of thresholds)
    if (!(t >= 0 && t < Number.POSITIVE_INFINITY)) throw new RangeError(`A threshold must be 0 or positive, not ${t}`);
  if (codec === "image" && cut !== "input")
    throw new RangeError(`An encoded image can be sent at the cut input only, not at ${cut}`);
  const fits = codec === "float32" ? bits === 32 : Number.isInteger(bits) && bits >= 2 && bits <= 8;
  const widths = codec === "float32" ? "32" : "2 to 8";
  if (!fits) throw new RangeError(`Values of ${bits} bits do not go with the codec ${codec}: they have ${widths}`);
}

/** @throws {RangeError} when there is no such cut */
export function cutOf(network: NetworkInfo, id: string): CutPoint {
  const cut = network.cuts[indexOfCut(network, id)];
  if (cut) return cut;
  const known = network.cuts.filter(({ sparse }) => sparse).map((one) => one.id);
  throw new RangeError(`The network has no cut ${JSON.stringify(id)}. There are ${known.join(", ")}`);
}

/** How tensors are packed where they must be. */
export function codingOf({ codec, bits }: Plan): Required<Coding> {
  return codec === "image" ? { codec: "lz4", bits: 8 } : { codec, bits };
}
