// A network for download, slice by slice: a page need neither wait for all of it nor know how to cut it. Pure: what to answer to
// which request of an HTTP server.

import { hexOf } from "../hex.ts";
import { encodeModel } from "../onnx/codec.ts";
import type { ModelProto } from "../onnx/proto.ts";
import { describeNetwork, type NetworkInfo } from "./network-info.ts";
import { networkToJson } from "./network-json.ts";
import { plainSliceGraph } from "./slice-graph.ts";
import { NETWORK_PATH, SLICE_PATH } from "./slice-path.ts";

const KEEP_FOR_GOOD = "public, max-age=31536000, immutable";

export interface SliceReply {
  readonly contentType: string;
  readonly cacheControl: string;
  readonly body: Uint8Array;
}

/** @returns what to send for a path, relative to where the network is served; undefined: there is no such thing */
export type SliceSource = (path: string) => SliceReply | undefined;

/** The network as it is for download: cut at its exits alone. What `network.json` holds. */
export function downloadDescription(info: NetworkInfo): string {
  return networkToJson(cutAtExits(info));
}

/**
 * Whoever downloads it can cut it at its exits, so that all slices together are hardly larger than the network.
 *
 * @throws {SpinnError} as `describeNetwork`
 */
export function sliceSource(model: ModelProto, info: NetworkInfo = describeNetwork(model)): SliceSource {
  const served = cutAtExits(info);
  const graph = plainSliceGraph(model, served);
  const description = new TextEncoder().encode(downloadDescription(info));
  return (path) => {
    const { pathname, searchParams } = new URL(path, "http://localhost/");
    if (pathname === `/${NETWORK_PATH}`)
      return { contentType: "application/json", cacheControl: "no-cache", body: description };
    const to = new Set(searchParams.getAll("to"));
    const from = served.cuts.findIndex(({ id }) => id === searchParams.get("from"));
    const isOurs = pathname === `/${SLICE_PATH}` && searchParams.get("network") === hexOf(served.modelHash);
    if (!isOurs || from < 0 || to.size === 0 || !isPartOf(to, tensorsBehind(served, from))) return undefined;
    const slice = graph.slice(served.cuts[from]!.id, true, [...to]) as ModelProto;
    return { contentType: "application/octet-stream", cacheControl: KEEP_FOR_GOOD, body: encodeModel(slice) };
  };
}

function cutAtExits(info: NetworkInfo): NetworkInfo {
  const places = new Set(["input", ...info.exits.map(({ at }) => at)]);
  const isPlace = ({ id }: { readonly id: string }): boolean => places.has(id);
  const profile = info.profile && { ...info.profile, cuts: info.profile.cuts.filter(isPlace) };
  return { ...info, cuts: info.cuts.filter(isPlace), ...(profile && { profile }) };
}

/** What a slice from a cut may be asked for: what is alive further on, and exits there. */
function tensorsBehind({ cuts, exits }: NetworkInfo, from: number): Set<string> {
  const alive = cuts.slice(from + 1).flatMap(({ tensors }) => tensors.map(({ name }) => name));
  return new Set([...alive, ...exits.slice(cuts[from]!.exitsBefore).map(({ output }) => output)]);
}

function isPartOf(part: ReadonlySet<string>, whole: ReadonlySet<string>): boolean {
  return [...part].every((name) => whole.has(name));
}
