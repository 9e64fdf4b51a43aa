// Files for a page, whole.

import { messageOf, SpinnError } from "../errors.ts";

/** @throws {SpinnError} FileAccess when it cannot be had, Aborted */
export async function download(url: URL, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(url, { ...(signal && { signal }) });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    if (signal?.aborted) throw new SpinnError("Aborted", `Stopped while downloading ${url}`, { cause });
    throw new SpinnError("FileAccess", `Cannot download ${url}: ${messageOf(cause)}`, { cause });
  }
}
