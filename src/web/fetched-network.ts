// A network from a server that serves it slice by slice (src/engine/slice-source.ts). What has come once is kept by the browser
// under the network's hash, and needs no server the next time.

import type { NetworkInfo } from "../engine/network-info.ts";
import { networkFromJson } from "../engine/network-json.ts";
import { isAsDigested, REPR_DIGEST, reprDigest } from "../engine/repr-digest.ts";
import type { SliceGraph } from "../engine/slice-graph.ts";
import { NETWORK_PATH, slicePath } from "../engine/slice-path.ts";
import { download } from "./download.ts";

const CACHE = "spinn";

/**
 * @param base URL of the folder with `network.json`; when it cannot be had, what was there last time counts
 * @throws {SpinnError} FileAccess when it cannot be had, InvalidData when it is something else
 */
export async function fetchNetwork(base: string, token?: string): Promise<NetworkInfo> {
  const url = new URL(NETWORK_PATH, base);
  const cache = await openCache();
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await download(url, { token });
  } catch (error) {
    const kept = cache && (await keptIn(cache, url));
    if (!kept) throw error;
    return read(kept);
  }
  const network = read(bytes);
  if (cache) await keep(cache, url, bytes);
  return network;
}

function read(bytes: Uint8Array): NetworkInfo {
  return networkFromJson(new TextDecoder().decode(bytes));
}

/** Its slices are fetched when they are first asked for. */
export function fetchedSliceGraph(info: NetworkInfo, base: string, token?: string): SliceGraph {
  const live = new Map(info.cuts.map(({ id, tensors }) => [id, tensors.map(({ name }) => name)]));
  return {
    session: {},
    live: (cut) => live.get(cut),
    slice: (from, _, to) => downloadOnce(new URL(slicePath(info, from, to), base), token),
  };
}

async function downloadOnce(url: URL, token: string | undefined): Promise<Uint8Array> {
  const cache = await openCache();
  const kept = cache && (await keptIn(cache, url));
  if (kept) return kept;
  const bytes = await download(url, { token });
  if (cache) await keep(cache, url, bytes);
  return bytes;
}

/** Pages that did not come by https have none, and private windows may refuse it. */
async function openCache(): Promise<Cache | undefined> {
  return await globalThis.caches?.open(CACHE).catch(() => undefined);
}

/** Disks fail: what is not what was kept is as good as nothing. */
async function keptIn(cache: Cache, url: URL): Promise<Uint8Array | undefined> {
  const entry = await cache.match(url).catch(() => undefined);
  if (!entry) return undefined;
  const bytes = new Uint8Array(await entry.arrayBuffer());
  return (await isAsDigested(bytes, entry.headers.get(REPR_DIGEST))) ? bytes : undefined;
}

async function keep(cache: Cache, url: URL, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const digest = await reprDigest(bytes);
  const entry = new Response(bytes, { headers: digest === undefined ? {} : { [REPR_DIGEST]: digest } });
  await cache.put(url, entry).catch(() => undefined); // no room: next time again
}
