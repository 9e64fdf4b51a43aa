// The window of a convolution or pooling node: where it stands, and how often it fits.

import { SpinnError } from "../errors.ts";
import { intAttribute, intsAttribute, stringAttribute } from "./attributes.ts";
import { nodeLabel } from "./label.ts";
import type { NodeProto } from "./proto.ts";

export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begin of every spatial axis, then end of every one. */
  readonly pads: readonly number[];
  readonly out: readonly number[];
}

/** The sliding window of a convolution or pooling node over the spatial dimensions `spatial`, `auto_pad` resolved. */
export function slidingWindow(node: NodeProto, spatial: readonly number[], kernel: readonly number[]): Window {
  const rank = spatial.length;
  const ones = spatial.map(() => 1);
  const strides = intsAttribute(node, "strides") ?? ones;
  const dilations = intsAttribute(node, "dilations") ?? ones;
  const autoPad = stringAttribute(node, "auto_pad", "NOTSET");
  const given = intsAttribute(node, "pads") ?? [...ones, ...ones].map(() => 0);
  if (strides.length !== rank || dilations.length !== rank || given.length !== 2 * rank || kernel.length !== rank) {
    throw new SpinnError("InvalidModel", `${nodeLabel(node)}: window attributes do not fit rank ${rank}`);
  }
  const ceil = intAttribute(node, "ceil_mode", 0) === 1;
  const pads = [...given];
  const out = spatial.map((size, i) => {
    const extent = (kernel[i]! - 1) * dilations[i]! + 1;
    const stride = strides[i]!;
    if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
      const steps = Math.ceil(size / stride);
      const total = Math.max(0, (steps - 1) * stride + extent - size);
      const small = Math.floor(total / 2);
      pads[i] = autoPad === "SAME_UPPER" ? small : total - small;
      pads[i + rank] = total - pads[i]!;
      return steps;
    }
    if (autoPad === "VALID") pads[i] = pads[i + rank] = 0;
    const span = size + pads[i]! + pads[i + rank]! - extent;
    if (!(span >= 0 && stride > 0)) {
      throw new SpinnError("InvalidModel", `${nodeLabel(node)}: window larger than its input`);
    }
    let steps = (ceil ? Math.ceil(span / stride) : Math.floor(span / stride)) + 1;
    // The last window must start inside the image or its left padding (ONNX, ceil_mode).
    if (ceil && (steps - 1) * stride >= size + pads[i]!) steps--;
    return steps;
  });
  return { kernel, strides, dilations, pads, out };
}
