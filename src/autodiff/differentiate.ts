// From a progressive network to its training step: forward in training mode, one loss per exit, backward, all as one plain
// ONNX graph. SPINN 4.1; cost function of Kaya et al. 2019 (SDN): total = sum over exits of tau_i * cross entropy_i.

import { SpinnError } from "../errors.ts";
import { intAttribute } from "../onnx/attributes.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { graphOf } from "../onnx/graph-index.ts";
import { DataType, type ModelProto, type NodeProto, opsetOf, type TensorProto } from "../onnx/proto.ts";
import { slidingWindow } from "../onnx/sliding-window.ts";
import { infoOf } from "../onnx/tensor-info.ts";
import { sizeOf } from "../tensor.ts";
import { type BatchStatistics, batchNormGradient, emitTrainingBatchNorm } from "./batch-norm.ts";
import { blockedConv, isBlockable } from "./blocked-conv.ts";
import { reduceMean, reduceSum, reshape } from "./emit.ts";
import { gradientRule } from "./gradient-rules.ts";

/** Where one trained tensor lies in the flat parameter (and gradient) vector. */
export interface ParameterSlot {
  readonly name: string;
  readonly dims: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** Where the batch statistics of one normalisation lie in the `statistics` output: mean [C] at `offset`, then variance [C]. */
export interface StatisticsSlot {
  /** Names of the running statistics' initializers in the network. */
  readonly mean: string;
  readonly variance: string;
  readonly channels: number;
  readonly offset: number;
  /** Values that each channel's statistics were taken over. */
  readonly count: number;
}

/**
 * A training step. Inputs: `images` [B, ...], `targets` [B, K] (rows sum to 1), `tau` [E], `parameters` [P].
 * Outputs: `gradients` [P], `losses` [E] (mean cross entropy of each exit, not weighted), `hits` [E] (right answers),
 * `statistics` [S].
 */
export interface TrainingGraph {
  readonly model: ModelProto;
  readonly parameters: readonly ParameterSlot[];
  readonly statistics: readonly StatisticsSlot[];
  readonly parameterCount: number;
  readonly statisticsCount: number;
  readonly batch: number;
  readonly imageDims: readonly number[];
  readonly classes: number;
  readonly exits: readonly string[];
}

export interface DifferentiateOptions {
  /** Images in one step; the graph has no other batch size. */
  batch: number;
  /** Outputs that get a loss, in the order of `tau`. @default all outputs */
  exits?: readonly string[];
  /** Which weights are trained, of all that could be. @default every one */
  trainable?: (name: string) => boolean;
  /** Write convolutions in the runtime's blocked layout: what `usableBlock()` says. @default 0, ordinary ones only */
  block?: number;
}

/** Inputs of these operators that hold weights. */
const WEIGHT_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Conv: [1, 2],
  Gemm: [1, 2],
  MatMul: [0, 1],
  BatchNormalization: [1, 2],
  Add: [0, 1],
  Mul: [0, 1],
};

/**
 * Compiles the training step of `model`, a network of opset 14 or later whose outputs are logits [N, K].
 *
 * @throws {SpinnError} UnsupportedModel when an operator between a trained weight and a loss has no gradient, or there is
 *   nothing to train
 */
export function differentiate(model: ModelProto, options: DifferentiateOptions): TrainingGraph {
  return new Differentiation(model, options).run();
}

class Differentiation {
  readonly #b: GraphBuilder;
  readonly #nodes: readonly NodeProto[];
  readonly #initializers: ReadonlyMap<string, TensorProto>;
  readonly #model: ModelProto;
  readonly #batch: number;
  readonly #block: number;
  readonly #exits: readonly string[];
  readonly #trained: ReadonlySet<string>;
  /** Tensors that depend on a trained weight. */
  readonly #active = new Set<string>();
  readonly #gradients = new Map<string, string[]>();
  readonly #statistics = new Map<NodeProto, BatchStatistics>();

  constructor(model: ModelProto, options: DifferentiateOptions) {
    const graph = graphOf(model);
    this.#model = model;
    this.#batch = options.batch;
    this.#block = options.block ?? 0;
    this.#exits = options.exits ?? graph.output.map((o) => o.name);
    this.#b = new GraphBuilder(opsetOf(model));
    this.#initializers = new Map(graph.initializer.map((t) => [t.name, t]));
    this.#nodes = graph.node;
    this.#trained = this.#findTrained(options.trainable ?? (() => true));
    if (this.#trained.size === 0) throw new SpinnError("UnsupportedModel", "The network has no weights to train");
  }

  run(): TrainingGraph {
    const b = this.#b;
    const imageDims = this.#declareImages();
    const parameters = this.#declareParameters();
    for (const node of this.#nodes) this.#forward(node);

    const logits = this.#exits;
    const classes = b.dims(logits[0]!)[1] ?? 0;
    b.input("targets", [this.#batch, classes]);
    b.input("tau", [logits.length]);
    this.#emitLosses(classes);
    for (const node of [...this.#nodes].reverse()) this.#backward(node);

    const flat = parameters.map((p) => reshape(b, this.#gradientOf(p.name) ?? this.#zeros(p), [p.size]));
    b.op("Concat", flat, { axis: 0 }, "gradients");
    b.output("gradients");
    b.output("losses");
    b.output("hits");
    const statistics = this.#emitStatistics();
    const last = statistics.at(-1);
    return {
      model: b.build("training_step"),
      parameters,
      statistics,
      parameterCount: parameters.reduce((sum, p) => sum + p.size, 0),
      statisticsCount: last ? last.offset + 2 * last.channels : 0,
      batch: this.#batch,
      imageDims,
      classes,
      exits: logits,
    };
  }

  #findTrained(trainable: (name: string) => boolean): Set<string> {
    const trained = new Set<string>();
    for (const node of this.#nodes) {
      for (const index of WEIGHT_INPUTS[node.opType] ?? []) {
        const name = node.input[index];
        const tensor = name ? this.#initializers.get(name) : undefined;
        if (tensor?.dataType === DataType.FLOAT && trainable(tensor.name)) trained.add(tensor.name);
      }
    }
    return trained;
  }

  #declareImages(): number[] {
    const graph = graphOf(this.#model);
    const inputs = graph.input.filter((i) => !this.#initializers.has(i.name));
    const type = inputs[0]?.type?.value;
    if (inputs.length !== 1 || type?.case !== "tensorType") {
      throw new SpinnError("UnsupportedModel", `A classifier has one input, this network has ${inputs.length}`);
    }
    const [, ...dims] = type.value.shape?.dim.map((d) => Number(d.value.case === "dimValue" ? d.value.value : 0)) ?? [];
    const imageDims = [this.#batch, ...dims];
    this.#b.input("images", imageDims);
    // The name that the network gives its input stays inside; the step has its own.
    if (inputs[0]!.name !== "images") this.#b.op("Identity", ["images"], {}, inputs[0]!.name);
    return imageDims;
  }

  #declareParameters(): ParameterSlot[] {
    const b = this.#b;
    const slots: ParameterSlot[] = [];
    let offset = 0;
    for (const tensor of this.#initializers.values()) {
      if (!this.#trained.has(tensor.name)) {
        b.initializer(tensor);
        continue;
      }
      const { dims } = infoOf(tensor);
      slots.push({ name: tensor.name, dims, offset, size: sizeOf(dims) });
      offset += sizeOf(dims);
      this.#active.add(tensor.name);
    }
    b.input("parameters", [offset]);
    const sizes = b.ints(slots.map((s) => s.size));
    const parts = b.ops("Split", ["parameters", sizes], slots.length, { axis: 0 }, "parameter");
    slots.forEach((slot, i) => {
      b.op("Reshape", [parts[i]!, b.ints(slot.dims)], {}, slot.name);
    });
    return slots;
  }

  #forward(node: NodeProto): void {
    const b = this.#b;
    const depends = node.input.some((name) => this.#active.has(name));
    if (depends) for (const name of node.output) this.#active.add(name);
    if (node.opType === "BatchNormalization" && node.input.slice(1, 3).some((name) => this.#trained.has(name))) {
      this.#statistics.set(node, emitTrainingBatchNorm(b, node));
    } else if (node.opType === "Dropout") {
      b.op("Identity", [node.input[0]!], {}, node.output[0]!);
    } else if (node.opType === "Conv" && this.#trained.has(node.input[1]!) && this.#blockable(node)) {
      const [x, w, bias] = node.input as [string, string, string | undefined];
      const window = slidingWindow(node, b.dims(x).slice(2), b.dims(w).slice(2));
      blockedConv(b, this.#block, x, w, bias, window, node.output[0]);
    } else {
      b.node(node);
    }
  }

  #blockable(node: NodeProto): boolean {
    return isBlockable(this.#block, this.#b.dims(node.input[1]!), intAttribute(node, "group", 1));
  }

  /** Mean cross entropy of each exit, and its gradient tau_i (softmax - target) / B as the seed of the backward pass. */
  #emitLosses(classes: number): void {
    const b = this.#b;
    const answer = b.op("ArgMax", ["targets"], { axis: 1, keepdims: 0 });
    const taus = b.ops("Split", ["tau", b.ints(this.#exits.map(() => 1))], this.#exits.length, { axis: 0 }, "tau_part");
    const losses: string[] = [];
    const hits: string[] = [];
    this.#exits.forEach((exit, i) => {
      const dims = b.dims(exit);
      if (dims.length !== 2 || dims[1] !== classes) {
        throw new SpinnError(
          "UnsupportedModel",
          `Exit "${exit}" gives [${dims.join(", ")}], not [N, ${classes}] logits`,
        );
      }
      const logProbabilities = b.op("LogSoftmax", [exit], { axis: 1 });
      const perImage = reduceSum(b, b.op("Mul", ["targets", logProbabilities]), [1], false);
      losses.push(b.op("Neg", [reduceMean(b, perImage, [0], true)]));
      const right = b.op("Equal", [b.op("ArgMax", [exit], { axis: 1, keepdims: 0 }), answer]);
      hits.push(reduceSum(b, b.op("Cast", [right], { to: DataType.FLOAT }), [0], true));
      const difference = b.op("Sub", [b.op("Exp", [logProbabilities]), "targets"]);
      const weight = b.op("Mul", [taus[i]!, b.scalar(1 / this.#batch)]);
      this.#addGradient(exit, b.op("Mul", [difference, weight]));
    });
    b.op("Concat", losses, { axis: 0 }, "losses");
    b.op("Concat", hits, { axis: 0 }, "hits");
  }

  #backward(node: NodeProto): void {
    const b = this.#b;
    const output = node.output[0]!;
    if (!this.#active.has(output)) return;
    const dy = this.#gradientOf(output);
    if (!dy) return;
    const needs = (index: number): boolean => this.#active.has(node.input[index] ?? "");
    const statistics = this.#statistics.get(node);
    if (statistics) {
      const [x, gamma, beta] = node.input as [string, string, string];
      const { dx, dGamma, dBeta } = batchNormGradient(b, x, gamma, dy, statistics, needs(0));
      if (dx) this.#addGradient(x, dx);
      if (needs(1)) this.#addGradient(gamma, dGamma);
      if (needs(2)) this.#addGradient(beta, dBeta);
      return;
    }
    if (node.opType === "Dropout") {
      this.#addGradient(node.input[0]!, dy);
      return;
    }
    const gradients = gradientRule(node)({ b, node, dy, block: this.#block, needs });
    gradients.forEach((gradient, i) => {
      if (gradient && needs(i)) this.#addGradient(node.input[i]!, gradient);
    });
  }

  #addGradient(tensor: string, gradient: string): void {
    const known = this.#gradients.get(tensor);
    if (known) known.push(gradient);
    else this.#gradients.set(tensor, [gradient]);
  }

  /** The sum of what all readers of a tensor sent back. */
  #gradientOf(tensor: string): string | undefined {
    const parts = this.#gradients.get(tensor);
    if (!parts) return undefined;
    const total = parts.length === 1 ? parts[0]! : this.#b.op("Sum", parts);
    this.#gradients.set(tensor, [total]);
    return total;
  }

  #zeros(slot: ParameterSlot): string {
    return this.#b.parameter(`${slot.name}/zero_gradient`, new Float32Array(slot.size), [slot.size]);
  }

  #emitStatistics(): StatisticsSlot[] {
    const b = this.#b;
    const slots: StatisticsSlot[] = [];
    const parts: string[] = [];
    let offset = 0;
    for (const [node, { mean, variance }] of this.#statistics) {
      const dims = b.dims(node.input[0]!);
      const channels = dims[1]!;
      slots.push({ mean: node.input[3]!, variance: node.input[4]!, channels, offset, count: sizeOf(dims) / channels });
      parts.push(mean, variance);
      offset += 2 * channels;
    }
    if (parts.length > 0) {
      b.op("Concat", parts, { axis: 0 }, "statistics");
      b.output("statistics");
    }
    return slots;
  }
}
