// Networks for download: a list of them, and each slice by slice, made when somebody first asks.

import { createHash } from "node:crypto";
import { hexOf, NETWORK_PATH, type NetworkInfo } from "../../engine/index.ts";
import { SLICE_PATH } from "../../engine/slice-path.ts";
import { downloadDescription } from "../../engine/slice-source.ts";
import { FOREVER, REVALIDATE } from "./file-reply.ts";
import { HttpError } from "./http-error.ts";
import { KeptBytes } from "./kept-bytes.ts";
import { json, type Route } from "./route.ts";
import type { SliceCutter } from "./slice-cutter.ts";

/** A network as HTTP knows it. */
export interface HttpNetwork {
  readonly name: string;
  readonly version: string;
  readonly network: NetworkInfo;
  /** Path of its file. */
  readonly path: string;
}

/** Of all networks: whoever asks for odd slices cannot make the server grow. */
const KEPT_BYTES = 64 * 2 ** 20;

/** @param networks those that are served now */
export function modelRoutes(networks: () => readonly HttpNetwork[], cutter: SliceCutter): Route[] {
  const kept = new KeptBytes(KEPT_BYTES);
  return [
    {
      path: "/api/models",
      access: "device",
      crossOrigin: true,
      get: () => json(networks().map(listed)),
    },
    {
      path: "/models/:hash/:file",
      access: "device",
      crossOrigin: true,
      get: async ({ search }, { hash = "", file = "" }) => {
        const served = networks().find(({ network }) => hexOf(network.modelHash) === hash);
        if (served && file === NETWORK_PATH) {
          cutter.warm(served.path); // who reads it asks for slices next
          return { contentType: "application/json", body: described(served.network), cacheControl: REVALIDATE };
        }
        const wanted = served && file === SLICE_PATH ? canonical(search) : undefined;
        const bytes =
          served &&
          wanted &&
          (await kept.get(`${hash}/${wanted}`, async () => (await cutter.cut(served.path, wanted))?.body));
        if (!bytes) throw new HttpError(404, "This server has no such network, or no such slice of it");
        // named by the network's hash, so that what is there never changes
        const tag = createHash("sha256").update(wanted).digest("base64url");
        const headers = { ETag: `"${tag}"` };
        return { contentType: "application/octet-stream", body: bytes, cacheControl: FOREVER, headers };
      },
    },
  ];
}

const descriptions = new WeakMap<NetworkInfo, string>();

function described(network: NetworkInfo): string {
  const description = descriptions.get(network) ?? downloadDescription(network);
  descriptions.set(network, description);
  return description;
}

/** The one way to ask for a slice: what is added to a URL must not make it something new. */
function canonical(search: string): string | undefined {
  const query = new URLSearchParams(search);
  const [network, from] = [query.get("network"), query.get("from")];
  if (network === null || from === null) return undefined;
  const wanted = new URLSearchParams({ network, from });
  for (const to of query.getAll("to")) wanted.append("to", to);
  return `${SLICE_PATH}?${wanted}`;
}

/** Plain JSON. */
function listed({ name, version, network }: HttpNetwork): object {
  const hash = hexOf(network.modelHash);
  return {
    name,
    version,
    hash,
    exits: network.exits.map((exit) => exit.name),
    cuts: network.cuts.filter(({ id, sparse }) => sparse && id !== "none").map(({ id }) => id),
    url: `/models/${hash}/`,
  };
}
