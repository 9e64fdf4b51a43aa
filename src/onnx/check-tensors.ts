// Are the weights of a file what they say: as many values as the shape wants, and all of them numbers?

import { SpinnError } from "../errors.ts";
import { label, shapeLabel } from "./label.ts";
import { AttributeType, type GraphProto, type TensorProto } from "./proto.ts";
import { isShape } from "./tensor-info.ts";
import { dimsOf, tensorValues } from "./tensor-values.ts";

/**
 * Checks all initializers and constant attributes.
 *
 * @throws {SpinnError} InvalidModel naming the tensor; UnsupportedModel for an element type we do not have
 */
export function checkTensors(graph: GraphProto): void {
  if (graph.sparseInitializer.length > 0) {
    throw new SpinnError("UnsupportedModel", "The graph has sparse initializers", {
      hint: "Export the network with dense weights",
    });
  }
  for (const tensor of graph.initializer) checkTensor(tensor);
  for (const node of graph.node) {
    for (const attribute of node.attribute) {
      if (attribute.type === AttributeType.TENSOR && attribute.t) checkTensor(attribute.t);
    }
  }
}

function checkTensor(tensor: TensorProto): void {
  const dims = dimsOf(tensor);
  if (!isShape(dims)) {
    throw new SpinnError(
      "InvalidModel",
      `Tensor ${label(tensor.name)} declares the impossible shape ${shapeLabel(dims)}`,
    );
  }
  const { data } = tensorValues(tensor);
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    // A lone infinity is a bound that does not bind (Clip), or the start value of a maximum.
    if (Number.isFinite(value) || (data.length === 1 && !Number.isNaN(value))) continue;
    throw new SpinnError("InvalidModel", `Weight ${label(tensor.name)} holds ${value} at position ${i}`, {
      hint: "The network was saved broken, perhaps after diverging: train or export it again",
    });
  }
}
