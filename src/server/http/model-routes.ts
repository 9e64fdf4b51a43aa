// Networks for download: a list of them, and each slice by slice, made when somebody first asks.

import { createHash } from "node:crypto";
import { NETWORK_PATH, type NetworkInfo } from "../../engine/index.ts";
import { REPR_DIGEST } from "../../engine/repr-digest.ts";
import { SLICE_PATH } from "../../engine/slice-path.ts";
import { downloadDescription } from "../../engine/slice-source.ts";
import { listingOf, type ServedNetwork } from "../served-network.ts";
import { FOREVER, REVALIDATE } from "./file-reply.ts";
import { HttpError } from "./http-error.ts";
import { KeptBytes } from "./kept-bytes.ts";
import { json, type Route } from "./route.ts";
import type { SliceCutter } from "./slice-cutter.ts";

/** Of all networks: whoever asks for odd slices cannot make the server grow. */
const KEPT_BYTES = 64 * 2 ** 20;

/** @param networks those that are served now */
export function modelRoutes(networks: () => readonly ServedNetwork[], cutter: SliceCutter): Route[] {
  const kept = new KeptBytes(KEPT_BYTES);
  return [
    {
      path: "/api/models",
      access: "device",
      crossOrigin: true,
      get: () => json(networks().map((one) => ({ ...listingOf(one), url: `/models/${one.hash}/` }))),
    },
    {
      path: "/models/:hash/:file",
      access: "device",
      crossOrigin: true,
      get: async ({ search }, { hash = "", file = "" }) => {
        const served = networks().find((one) => one.hash === hash);
        if (served && file === NETWORK_PATH) {
          cutter.warm(served.path); // who reads it asks for slices next
          return { contentType: "application/json", body: described(served.compute.network), cacheControl: REVALIDATE };
        }
        const wanted = served && file === SLICE_PATH ? canonical(search) : undefined;
        const bytes =
          served &&
          wanted &&
          (await kept.get(`${hash}/${wanted}`, async () => (await cutter.cut(served.path, wanted))?.body));
        if (!bytes) throw new HttpError(404, "This server has no such network, or no such slice of it");
        const digest = digestOf(bytes);
        const headers = { ETag: `"${digest}"`, [REPR_DIGEST]: `sha-256=:${digest}:` };
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

const digests = new WeakMap<Uint8Array, string>();

/** SHA-256 in base64. */
function digestOf(bytes: Uint8Array): string {
  const digest = digests.get(bytes) ?? createHash("sha256").update(bytes).digest("base64");
  digests.set(bytes, digest);
  return digest;
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
