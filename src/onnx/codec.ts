// ONNX bytes <-> model message.

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { SpinnError } from "../errors.ts";
import { type ModelProto, ModelProtoSchema } from "./proto.ts";

/**
 * Decodes an ONNX file. Fields that our schema does not know are kept and written back.
 *
 * @throws {SpinnError} InvalidModel when the bytes are not an ONNX model
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    const hint = "Export or copy it again";
    throw new SpinnError("InvalidModel", "The bytes are not an ONNX model, or the file is cut short", { hint, cause });
  }
  if (!model.graph) throw new SpinnError("InvalidModel", "The bytes are not an ONNX model: they hold no graph");
  return model;
}

export function encodeModel(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}
