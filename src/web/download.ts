// Files for a page: whole, and what the server says that they are.

import { isAsDigested, REPR_DIGEST } from "../engine/repr-digest.ts";
import { messageOf, SpinnError } from "../errors.ts";

export interface DownloadOptions {
  /** For a server that asks who this is. */
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A file that is not what its `Repr-Digest` says is fetched once more, past all caches.
 *
 * @throws {SpinnError} FileAccess when it cannot be had, or is damaged each time; Aborted
 */
export async function download(url: URL, options: DownloadOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = (await fetchWhole(url, "default", options)) ?? (await fetchWhole(url, "reload", options));
  if (bytes) return bytes;
  throw new SpinnError("FileAccess", `Cannot download ${url}: its SHA-256 is not the one that comes with it`, {
    hint: "Look for a proxy or a cache that changes files on their way",
  });
}

/** undefined: damaged. */
async function fetchWhole(
  url: URL,
  cache: RequestCache,
  { token, signal }: DownloadOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    const response = await fetch(url, { cache, headers, ...(signal && { signal }) });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return (await isAsDigested(bytes, response.headers.get(REPR_DIGEST))) ? bytes : undefined;
  } catch (cause) {
    if (signal?.aborted) throw new SpinnError("Aborted", `Stopped while downloading ${url}`, { cause });
    throw new SpinnError("FileAccess", `Cannot download ${url}: ${messageOf(cause)}`, { cause });
  }
}
