// A graph that ONNX Runtime has loaded, in Node or in a page: both packages share their interface, onnxruntime-common.

import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-common";
import { SpinnError } from "../errors.ts";
import type { Tensor, TensorData, TensorType } from "../tensor.ts";
import { ortFailure } from "./ort-failure.ts";
import type { Session, Tensors } from "./runtime.ts";

/** Element types that both sides have; a boolean is a byte for us. */
const FROM_ORT: Readonly<Partial<Record<OrtTensor.Type, TensorType>>> = {
  float32: "float32",
  float64: "float64",
  uint8: "uint8",
  int8: "int8",
  int32: "int32",
  int64: "int64",
  bool: "uint8",
};

/** Runs `work` when its turn has come. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export class OrtSession implements Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly #session: InferenceSession;
  readonly #OrtTensor: TensorConstructor;
  readonly #inTurn: InTurn;
  readonly #booleans: ReadonlySet<string>;
  #released = false;

  /**
   * @param OrtTensor of the package that made the session
   * @param inTurn for a runtime that does one thing at a time
   */
  constructor(session: InferenceSession, OrtTensor: TensorConstructor, inTurn: InTurn = (work) => work()) {
    this.#session = session;
    this.#OrtTensor = OrtTensor;
    this.#inTurn = inTurn;
    this.inputNames = session.inputNames;
    this.outputNames = session.outputNames;
    this.#booleans = new Set(session.inputMetadata.filter((m) => m.isTensor && m.type === "bool").map((m) => m.name));
  }

  async run(feeds: Tensors, fetches: readonly string[] = this.outputNames): Promise<Record<string, Tensor>> {
    const converted: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) converted[name] = this.#toOrt(name, tensor);
    let results: InferenceSession.ReturnType;
    try {
      results = await this.#inTurn(() => this.#session.run(converted, fetches));
    } catch (error) {
      throw ortFailure("Runtime", "ONNX Runtime failed while running the graph", error);
    }
    const tensors: Record<string, Tensor> = {};
    for (const name of fetches) tensors[name] = fromOrt(name, results[name]! as OrtTensor);
    return tensors;
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    await this.#inTurn(() => this.#session.release());
  }

  #toOrt(name: string, { type, data, dims }: Tensor): OrtTensor {
    try {
      const bool = type === "uint8" && this.#booleans.has(name);
      return bool ? new this.#OrtTensor("bool", data as Uint8Array, dims) : new this.#OrtTensor(type, data, dims);
    } catch (error) {
      throw ortFailure("Runtime", `Feed "${name}" is not a valid tensor`, error);
    }
  }
}

function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const type = FROM_ORT[tensor.type];
  if (type) return { type, dims: tensor.dims, data: tensor.data as TensorData };
  throw new SpinnError("Runtime", `Output "${name}" has element type ${tensor.type}, which is not supported`);
}
