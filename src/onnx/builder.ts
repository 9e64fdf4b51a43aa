// Writing graphs: nodes are appended one by one, and the shape of every tensor is known as soon as it is named.

import { SpinnError } from "../errors.ts";
import {
  type Attributes,
  DataType,
  type Dim,
  floatTensor,
  int64Tensor,
  type ModelProto,
  makeModel,
  makeNode,
  makeValueInfo,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "./proto.ts";
import { inferNode } from "./shapes.ts";
import { infoOf, type TensorInfo } from "./tensor-info.ts";

export class GraphBuilder {
  readonly opset: number;
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly inputs: ValueInfoProto[] = [];
  readonly outputs: ValueInfoProto[] = [];
  readonly #types = new Map<string, TensorInfo>();
  readonly #domains = new Set<string>();
  readonly #constants = new Map<string, string>();
  #counter = 0;

  constructor(opset = 17) {
    this.opset = opset;
  }

  /** A name that nothing has yet. */
  fresh(stem: string): string {
    let name = stem;
    while (this.#types.has(name)) name = `${stem}_${++this.#counter}`;
    return name;
  }

  /**
   * A graph input.
   *
   * @param declared how the shape stands in the file, where it differs: `["N", 3, 32, 32]` for `[1, 3, 32, 32]`
   */
  input(
    name: string,
    dims: readonly number[],
    elemType: DataType = DataType.FLOAT,
    declared: readonly Dim[] = dims,
  ): string {
    this.#define(name, { elemType, dims });
    this.inputs.push(makeValueInfo(name, elemType, declared));
    return name;
  }

  output(name: string, declared: readonly Dim[] = this.dims(name)): void {
    this.outputs.push(makeValueInfo(name, this.type(name).elemType, declared));
  }

  initializer(tensor: TensorProto): string {
    this.#define(tensor.name, infoOf(tensor));
    this.initializers.push(tensor);
    return tensor.name;
  }

  parameter(stem: string, data: Float32Array, dims: readonly number[]): string {
    return this.initializer(floatTensor(this.fresh(stem), data, dims));
  }

  /** A constant list of integers (shapes, axes, pads), shared by all its users. */
  ints(values: readonly number[]): string {
    return this.#shared(`i:${values.join(",")}`, (name) => int64Tensor(name, values));
  }

  /** A constant float scalar, shared by all its users. */
  scalar(value: number): string {
    return this.#shared(`f:${value}`, (name) => floatTensor(name, Float32Array.of(value), []));
  }

  /** Appends a node with one output and returns that output's name. */
  op(opType: string, inputs: readonly string[], attributes: Attributes = {}, stem?: string): string {
    return this.ops(opType, inputs, 1, attributes, stem)[0]!;
  }

  /** Appends a node with `count` outputs. A custom domain stands before a colon: `com.microsoft:FusedMatMul`. */
  ops(opType: string, inputs: readonly string[], count: number, attributes: Attributes = {}, stem?: string): string[] {
    const colon = opType.indexOf(":");
    const domain = colon < 0 ? "" : opType.slice(0, colon);
    const type = opType.slice(colon + 1);
    const base = stem ?? type.toLowerCase();
    const outputs = Array.from({ length: count }, (_, i) => this.fresh(i === 0 ? base : `${base}_out${i}`));
    this.node(makeNode(type, inputs, outputs, attributes, { domain }));
    return outputs;
  }

  /** Appends a finished node, for instance one copied from another graph. */
  node(node: NodeProto): void {
    const inputs = node.input.map((name) => (name ? this.type(name) : undefined));
    const outputs = inferNode(node, inputs);
    node.output.forEach((name, i) => {
      const type = outputs[i];
      if (name && type) this.#define(name, type);
    });
    if (node.domain) this.#domains.add(node.domain);
    this.nodes.push(node);
  }

  has(name: string): boolean {
    return this.#types.has(name);
  }

  type(name: string): TensorInfo {
    const type = this.#types.get(name);
    if (type) return type;
    throw new SpinnError("InvalidModel", `The graph has no tensor "${name}" at this point`);
  }

  dims(name: string): readonly number[] {
    return this.type(name).dims;
  }

  build(name: string): ModelProto {
    const parts = { name, node: this.nodes, initializer: this.initializers, input: this.inputs, output: this.outputs };
    return makeModel(parts, this.opset, [...this.#domains]);
  }

  #define(name: string, type: TensorInfo): void {
    if (this.#types.has(name)) throw new SpinnError("InvalidModel", `The graph already has a tensor "${name}"`);
    this.#types.set(name, type);
  }

  #shared(key: string, make: (name: string) => TensorProto): string {
    const known = this.#constants.get(key);
    if (known) return known;
    const name = this.initializer(make(this.fresh(`const_${this.#constants.size}`)));
    this.#constants.set(key, name);
    return name;
  }
}
