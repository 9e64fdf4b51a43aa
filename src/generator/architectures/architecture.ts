// What an architecture is: a function from a few numbers to a plain, untrained ONNX classifier.

import { GraphBuilder } from "../../onnx/builder.ts";
import { DataType, type ModelProto } from "../../onnx/proto.ts";
import { createRng } from "../../random.ts";
import { Layers } from "../layers.ts";

export interface ArchitectureOptions {
  /** Number of outputs, at least 2. */
  classes: number;
  /** Names the initial weights. */
  seed: number;
  /** Channels, height and width of an image; the sides multiples of 32. @default [3, 32, 32], CIFAR's */
  inputShape?: readonly [number, number, number];
  /** Channels of the first stage; all others keep their proportion to it. @default the published network's */
  width?: number;
}

/**
 * An untrained classifier, opset 17: `input` ["N", C, H, W] to `logits` ["N", classes].
 *
 * @throws {RangeError} for options outside their range
 */
export type Builder = (options: ArchitectureOptions) => ModelProto;

/**
 * Wraps what all architectures share around `body`.
 *
 * @param body appends everything between the image and the pooled features [N, F], and returns their name
 */
export function makeBuilder(name: string, body: (layers: Layers, x: string, width?: number) => string): Builder {
  return ({ classes, seed, inputShape = [3, 32, 32], width }) => {
    const [channels, height, ...rest] = inputShape;
    if (!(Number.isInteger(classes) && classes >= 2)) throw new RangeError(`classes must be 2 or more, not ${classes}`);
    if (width !== undefined && !(Number.isInteger(width) && width >= 1))
      throw new RangeError(`width must be a positive integer, not ${width}`);
    if (channels < 1 || [height, ...rest].some((side) => side < 32 || side % 32 !== 0))
      throw new RangeError(`${name} takes images whose sides are multiples of 32, not [${inputShape.join(", ")}]`);
    const graph = new GraphBuilder(17);
    const layers = new Layers(graph, createRng(seed));
    const image = graph.input("input", [1, ...inputShape], DataType.FLOAT, ["N", ...inputShape]);
    graph.output(layers.linear(body(layers, image, width), "linear", classes, "logits"), ["N", classes]);
    return graph.build(name);
  };
}
