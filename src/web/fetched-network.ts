// A network from a server that serves it slice by slice (src/engine/slice-source.ts). What has come once is kept by the browser
// under the network's hash, and needs no server the next time.

import type { NetworkInfo } from "../engine/network-info.ts";
import { networkFromJson } from "../engine/network-json.ts";
import type { SliceGraph } from "../engine/slice-graph.ts";
import { NETWORK_PATH, slicePath } from "../engine/slice-path.ts";
import { download } from "./download.ts";

const CACHE = "spinn";

/**
 * @param base URL of the folder with `network.json`
 * @throws {SpinnError} FileAccess when it cannot be had, InvalidData when it is something else
 */
export async function fetchNetwork(base: string): Promise<NetworkInfo> {
  return networkFromJson(new TextDecoder().decode(await download(new URL(NETWORK_PATH, base))));
}

/** Its slices are fetched when they are first asked for. */
export function fetchedSliceGraph(info: NetworkInfo, base: string): SliceGraph {
  const live = new Map(info.cuts.map(({ id, tensors }) => [id, tensors.map(({ name }) => name)]));
  return {
    session: {},
    live: (cut) => live.get(cut),
    slice: (from, _, to) => downloadOnce(new URL(slicePath(info, from, to), base)),
  };
}

async function downloadOnce(url: URL): Promise<Uint8Array> {
  // Pages that did not come by https have no cache, and private windows may refuse one.
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  const kept = await cache?.match(url).catch(() => undefined);
  if (kept) return new Uint8Array(await kept.arrayBuffer());
  const bytes = await download(url);
  await cache?.put(url, new Response(bytes)).catch(() => undefined); // no room: next time again
  return bytes;
}
