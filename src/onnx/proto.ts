// The ONNX message itself is our graph representation: nothing we do not understand can get lost between reading and
// writing. Types and wire format come from the published schema (onnx-buf) and protobuf library (@bufbuild/protobuf).
// Messages are treated as immutable: edits make new ones, with edit().

import { create, type Message } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type StringStringEntryProto,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";

export type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto };
export { AttributeType, DataLocation, DataType, GraphProtoSchema, ModelProtoSchema };

/**
 * A copy of a message with some fields replaced; the rest is shared. Spreading would lose the defaults of unset fields, which
 * lie in the message's prototype (ONNX is proto2).
 */
export function edit<T extends Message>(message: T, changes: Partial<T>): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message, changes);
}

/** An attribute as plain data. Numbers become FLOAT or INT by the attribute's name (see FLOAT_ATTRIBUTES). */
export type AttributeValue = number | string | readonly number[] | TensorProto;
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** The standard attributes of type FLOAT among the operators that we write ourselves. */
const FLOAT_ATTRIBUTES: ReadonlySet<string> = new Set([
  "alpha",
  "beta",
  "bias",
  "epsilon",
  "gamma",
  "momentum",
  "ratio",
  "value_float",
]);

function attribute(name: string, value: AttributeValue): AttributeProto {
  const { INT, INTS, FLOAT, STRING, TENSOR } = AttributeType;
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: STRING, s: new TextEncoder().encode(value) });
  }
  if (typeof value === "number") {
    if (FLOAT_ATTRIBUTES.has(name)) return create(AttributeProtoSchema, { name, type: FLOAT, f: value });
    return create(AttributeProtoSchema, { name, type: INT, i: BigInt(value) });
  }
  if ("$typeName" in value) return create(AttributeProtoSchema, { name, type: TENSOR, t: value });
  return create(AttributeProtoSchema, { name, type: INTS, ints: value.map(BigInt) });
}

export interface NodeOptions {
  name?: string;
  domain?: string;
}

export function makeNode(
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Attributes = {},
  options: NodeOptions = {},
): NodeProto {
  return create(NodeProtoSchema, {
    opType,
    input: [...input],
    output: [...output],
    name: options.name ?? output[0] ?? "",
    domain: options.domain ?? "",
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });
}

/** A dimension of a declared shape: a number, or the name of an unknown one. */
export type Dim = number | string;

/** @param dims absent: nothing is said of the shape */
export function makeValueInfo(name: string, elemType: DataType, dims?: readonly Dim[]): ValueInfoProto {
  const dim = dims?.map((d) => ({
    value:
      typeof d === "number" ? { case: "dimValue" as const, value: BigInt(d) } : { case: "dimParam" as const, value: d },
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType, ...(dim && { shape: { dim } }) } } },
  });
}

/** The declared element type and dimensions of a graph input or output; unnamed unknown dimensions come back as "?". */
export function declaredType(info: ValueInfoProto): { elemType: DataType; dims: Dim[] | undefined } | undefined {
  const type = info.type?.value;
  if (type?.case !== "tensorType") return undefined;
  const dims = type.value.shape?.dim.map((d): Dim => {
    if (d.value.case === "dimValue") return Number(d.value.value);
    return d.value.case === "dimParam" && d.value.value !== "" ? d.value.value : "?";
  });
  return { elemType: type.value.elemType, dims };
}

export interface GraphParts {
  name: string;
  node: readonly NodeProto[];
  initializer: readonly TensorProto[];
  input: readonly ValueInfoProto[];
  output: readonly ValueInfoProto[];
}

export function makeModel(parts: GraphParts, opset: number, customDomains: readonly string[] = []): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: irVersionOf(opset),
    producerName: "spinn",
    opsetImport: [{ domain: "", version: BigInt(opset) }, ...customDomains.map((domain) => ({ domain, version: 1n }))],
    graph: {
      name: parts.name,
      node: [...parts.node],
      initializer: [...parts.initializer],
      input: [...parts.input],
      output: [...parts.output],
    },
  });
}

/** The file format's version for an operator set. IR 8 belongs to opset 15-18 and is read by every onnxruntime since 1.10. */
export function irVersionOf(opset: number): bigint {
  return opset >= 21 ? 10n : opset >= 19 ? 9n : 8n;
}

/** The version of the default operator set that the model is written in; 1 when it says nothing, as the standard has it. */
export function opsetOf(model: ModelProto): number {
  const main = model.opsetImport.find((o) => o.domain === "" || o.domain === "ai.onnx");
  return Number(main?.version ?? 1n);
}

export function floatTensor(name: string, data: Float32Array, dims: readonly number[]): TensorProto {
  const bytes = new Uint8Array(data.byteLength);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return create(TensorProtoSchema, { name, dataType: DataType.FLOAT, dims: dims.map(BigInt), rawData: bytes });
}

export function int64Tensor(name: string, values: readonly number[], dims?: readonly number[]): TensorProto {
  const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  const shape = dims ?? [values.length];
  return create(TensorProtoSchema, { name, dataType: DataType.INT64, dims: shape.map(BigInt), rawData: raw });
}

/** Where an external tensor lies, as the file says it. */
export function externalEntries(place: Readonly<Record<string, string | number>>): StringStringEntryProto[] {
  return Object.entries(place).map(([key, value]) =>
    create(StringStringEntryProtoSchema, { key, value: String(value) }),
  );
}
