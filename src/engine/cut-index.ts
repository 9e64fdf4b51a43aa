// Where a cut is in its network. Networks have hundreds of cuts, and a server asks several times for each run: a look-up instead of
// a search.

import type { NetworkInfo } from "./network-info.ts";

const indices = new WeakMap<NetworkInfo["cuts"], ReadonlyMap<string, number>>();

/** @returns its place in `network.cuts`; -1 when there is no such cut */
export function indexOfCut({ cuts }: Pick<NetworkInfo, "cuts">, id: string): number {
  let index = indices.get(cuts);
  if (!index) {
    index = new Map(cuts.map((cut, i) => [cut.id, i]));
    indices.set(cuts, index);
  }
  return index.get(id) ?? -1;
}
