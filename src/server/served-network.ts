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

/** Logs and consoles ask for it again and again. */
const listings = new WeakMap<ServedNetwork, ServedModel>();

export function listingOf(served: ServedNetwork): ServedModel {
  let listing = listings.get(served);
  if (!listing) {
    const { name, version, hash, compute } = served;
    const { exits, cuts } = compute.network;
    listing = {
      name,
      version,
      hash,
      exits: exits.map((exit) => exit.name),
      cuts: cuts.filter(({ id, sparse }) => sparse && id !== "none").map(({ id }) => id),
    };
    listings.set(served, listing);
  }
  return listing;
}

export function hashOfNetwork({ network }: Compute): string {
  return hexOf(network.modelHash);
}
