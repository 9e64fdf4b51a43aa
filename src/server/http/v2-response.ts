// The answer to an inference request in the Open Inference Protocol: what the network says of each image, as JSON, or as JSON with
// the bytes of tensors behind it.

import type { Answered, NetworkInfo } from "../../engine/index.ts";
import type { ServedNetwork } from "../served-network.ts";
import { HttpError } from "./http-error.ts";
import type { Reply } from "./route.ts";
import type { InferRequest, WantedOutput } from "./v2-request.ts";

/** A tensor as the protocol describes it. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: "FP32" | "INT32";
  /** -1: as many as there are images. */
  readonly shape: readonly number[];
}

/** The network's own final output, and what the exit rule makes of it. */
export function outputsOf({ exits, classes }: NetworkInfo): readonly TensorMetadata[] {
  return [
    { name: exits.at(-1)!.output, datatype: "FP32", shape: [-1, classes] },
    { name: "answer_label", datatype: "INT32", shape: [-1] },
    { name: "answer_confidence", datatype: "FP32", shape: [-1] },
    { name: "answer_exit", datatype: "INT32", shape: [-1] },
  ];
}

/**
 * @param answers with logits, one for each image
 * @throws {HttpError} 400 when an output is asked for that there is not
 */
export function inferReply(
  { name, version, compute }: ServedNetwork,
  { id, outputs, binaryOutputs }: InferRequest,
  answers: readonly Answered[],
): Reply {
  const { network } = compute;
  const wanted = outputs ?? outputsOf(network).map(({ name }) => ({ name, binary: binaryOutputs }));
  const binaries: Uint8Array[] = [];
  const tensors = wanted.map(({ name, binary }) => {
    const { datatype, shape } = checkedOutput(name, network);
    const values = valuesOf(name, answers);
    const described = { name, datatype, shape: [answers.length, ...shape.slice(1)] };
    if (!binary) return { ...described, data: Array.from(values) };
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    binaries.push(bytes);
    return { ...described, parameters: { binary_data_size: bytes.length } };
  });
  const json = JSON.stringify({
    model_name: name,
    model_version: version,
    ...(id !== undefined && { id }),
    outputs: tensors,
  });
  if (binaries.length === 0) return { contentType: "application/json", body: json };
  const head = Buffer.from(json);
  return {
    contentType: "application/octet-stream",
    body: Buffer.concat([head, ...binaries]),
    headers: { "Inference-Header-Content-Length": String(head.length) },
  };
}

/** Asked before anything is computed, too. @throws {HttpError} 400 */
export function checkOutputs(outputs: readonly WantedOutput[] | undefined, network: NetworkInfo): void {
  for (const { name } of outputs ?? []) checkedOutput(name, network);
}

function checkedOutput(wanted: string, network: NetworkInfo): TensorMetadata {
  const outputs = outputsOf(network);
  const found = outputs.find(({ name }) => name === wanted);
  if (found) return found;
  throw new HttpError(400, `There is no such output; there are ${outputs.map(({ name }) => name).join(", ")}`);
}

function valuesOf(name: string, answers: readonly Answered[]): Float32Array | Int32Array {
  if (name === "answer_label") return Int32Array.from(answers, ({ answer }) => answer.label);
  if (name === "answer_confidence") return Float32Array.from(answers, ({ answer }) => answer.confidence);
  if (name === "answer_exit") return Int32Array.from(answers, ({ answer }) => answer.exit);
  return Float32Array.from(answers.flatMap(({ logits = [] }) => Array.from(logits)));
}
