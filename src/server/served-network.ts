// A network that is served: what computes it, and what it is called.

import { type Compute, hexOf } from "../engine/index.ts";
import type { ServedModel } from "./served-model.ts";

export interface ServedNetwork {
  readonly name: string;
  readonly version: string;
  /** Names the network: 32 hexadecimal digits. */
  readonly hash: string;
  /** Of its file. */
  readonly path: string;
  readonly compute: Compute;
}

export function listingOf({ name, version, hash, compute }: ServedNetwork): ServedModel {
  const { exits, cuts } = compute.network;
  return {
    name,
    version,
    hash,
    exits: exits.map((exit) => exit.name),
    cuts: cuts.filter(({ id, sparse }) => sparse && id !== "none").map(({ id }) => id),
  };
}

export function hashOfNetwork({ network }: Compute): string {
  return hexOf(network.modelHash);
}
