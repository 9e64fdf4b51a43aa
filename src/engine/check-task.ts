// Does a task fit the network? Asked where the task is handed in, so that whoever made it wrong hears of it at once.

import { codecIds } from "../codec/codec-ids.ts";
import type { Coding } from "../codec/packed-tensor.ts";
import { checkBits } from "../codec/quantize.ts";
import { sizeOf } from "../tensor.ts";
import { cutOf } from "./boundary-packet.ts";
import type { Start, Task } from "./compute.ts";
import type { NetworkInfo } from "./network-info.ts";
import { checkWay } from "./steps.ts";

/** @throws {RangeError} when a task does not fit the network; says nothing about a packet's or image's bytes */
export function checkTask(network: NetworkInfo, { start, cut, thresholds, best, coding }: Task): void {
  const { input, classes } = network;
  checkExitThresholds(network, thresholds);
  const from = startOf(start);
  if (from === "none") throw new RangeError("A task cannot start where the network ends");
  checkWay(network, from, cut);
  if (start.kind === "input" && start.values.length !== sizeOf(input.shape))
    throw new RangeError(`${start.values.length} values are not the network's input [${input.shape.join(", ")}]`);
  if (best) {
    const { exit, label, confidence } = best;
    const passed = cutOf(network, from).exitsBefore;
    const fits = isIndex(exit, passed) && isIndex(label, classes) && confidence >= 0 && confidence <= 1;
    if (!fits) throw new RangeError(`No exit before ${from} can have answered ${JSON.stringify(best)}`);
  }
  if (coding) checkCoding(coding);
}

/** Id of the cut at which a task starts. */
export function startOf(start: Start): string {
  return start.kind === "packet" ? start.cut : "input";
}

/** @throws {RangeError} unless there is one for each exit, none of them negative */
export function checkExitThresholds({ exits }: NetworkInfo, thresholds: readonly number[]): void {
  if (thresholds.length !== exits.length)
    throw new RangeError(
      `${thresholds.length} thresholds do not fit ${exits.length} exits: the final one needs one too`,
    );
  for (const t of thresholds) if (!(t >= 0)) throw new RangeError(`A threshold must be at least 0, not ${t}`);
}

function checkCoding({ codec, bits }: Coding): void {
  if (codec === "float32") return;
  if (!Object.hasOwn(codecIds, codec)) throw new RangeError(`There is no codec ${JSON.stringify(codec)}`);
  if (bits !== undefined) checkBits(bits);
}

function isIndex(value: number, end: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < end;
}
