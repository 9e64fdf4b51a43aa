// A task as the message that asks a worker for it.

import { encodePacket, encodeTensor } from "../codec/index.ts";
import type { NetworkInfo, Task } from "../engine/index.ts";
import type { Payload, Run } from "../wire/index.ts";

/**
 * @param task to the end of the network
 * @param deadlineMs what is left; infinite when there is none
 */
export function runOfTask(network: NetworkInfo, task: Task, id: number, deadlineMs: number): Run {
  const { start, thresholds, best, wantsLogits = false, trace } = task;
  return {
    kind: "run",
    id,
    // a packet says itself how it is packed
    plan: { cut: start.kind === "packet" ? start.cut : "input", thresholds, codec: "float32", bits: 32 },
    ...(Number.isFinite(deadlineMs) && { deadlineMs }),
    ...(best && { best }),
    wantsLogits,
    ...(trace && { trace }),
    payload: payloadOf(network, start),
  };
}

function payloadOf({ modelHash, input }: NetworkInfo, start: Task["start"]): Payload {
  if (start.kind !== "input") return { kind: start.kind, bytes: start.bytes };
  const { name, shape } = input;
  const tensors = [encodeTensor({ name, shape, values: start.values }, { codec: "float32" })];
  return { kind: "packet", bytes: encodePacket({ modelHash, cut: "input", tensors }) };
}
