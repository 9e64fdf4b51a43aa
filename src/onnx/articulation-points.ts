// Where early exits may be attached: tensors through which everything flows, so that a head sees all there is and the
// classifier after it needs nothing else (SPINN, 4.2).

import type { ModelProto } from "./proto.ts";
import { boundaryAfter, type TrunkOptions, trunkOf } from "./trunk.ts";

export interface ArticulationPoint {
  readonly name: string;
  /** For one image. */
  readonly shape: readonly number[];
  /** The operator that makes it. */
  readonly op: string;
  /** Multiply-adds to get there. */
  readonly macsBefore: number;
}

/**
 * The tensors of the trunk that are the only live one once they are known, in graph order; inputs and the final output are
 * none. Runs of cheap nodes (Conv, BatchNormalization, Relu) give several points of equal cost.
 *
 * @throws {SpinnError} as `trunkOf`
 */
export function articulationPoints(model: ModelProto, options: TrunkOptions = {}): ArticulationPoint[] {
  const trunk = trunkOf(model, options);
  return trunk.nodes.flatMap((node) =>
    node.output.flatMap((name) => {
      const type = trunk.types.get(name);
      if (!type) return [];
      const { live, macsBefore } = boundaryAfter(trunk, name);
      const alone = live.length === 1 && live[0] === name;
      return alone ? [{ name, shape: type.dims, op: node.opType, macsBefore }] : [];
    }),
  );
}
