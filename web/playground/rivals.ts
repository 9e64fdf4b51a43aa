// What SPINN is compared with: the network without exits, all of it on the device, or all of it on the server.

import { makePlan, type NetworkInfo, type Plan } from "../../src/web/index.ts";

export type Rival = "device-only" | "server-only";

export const rivals: readonly Rival[] = ["device-only", "server-only"];

/** A threshold above 1: the exit is not computed. */
const NOT_ASKED = 2;

export function rivalPlan(rival: Rival, network: NetworkInfo): Plan {
  const threshold = network.exits.map((_, i) => (i === network.exits.length - 1 ? 0 : NOT_ASKED));
  return makePlan(network, { cut: rival === "device-only" ? "none" : "input", threshold });
}
