// A file of a folder as a reply, by its name alone: a name is no path, so that nothing outside the folder can be meant.

import { readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { compress, isCompressible, takesGzip } from "./compress.ts";
import { HttpError } from "./http-error.ts";
import { KeptBytes } from "./kept-bytes.ts";
import type { HttpRequest, Reply } from "./route.ts";

const contentTypes: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".ico": "image/x-icon",
  ".js": "text/javascript",
  ".json": "application/json",
  ".map": "application/json",
  ".mjs": "text/javascript",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
};

/** One segment, and no hidden file. */
const NAME = /^[A-Za-z0-9_][\w.-]*$/;
/** A runtime of WebAssembly has 3 to 6 MB compressed, and there are a few of them. */
const KEPT_COMPRESSED_BYTES = 32 * 2 ** 20;

export const FOREVER = "public, max-age=31536000, immutable";
export const REVALIDATE = "no-cache";

/** Answers with a file by name. @throws {HttpError} 404 when there is no such file */
export type FileFolder = (name: string, request: Pick<HttpRequest, "headers">) => Promise<Reply>;

/** @param cacheControl of all its files */
export function fileFolder(folder: string, cacheControl: string): FileFolder {
  const compressed = new KeptBytes(KEPT_COMPRESSED_BYTES);
  return async (name, { headers }) => {
    const contentType = contentTypes[extname(name)];
    const path = join(folder, name);
    const found = NAME.test(name) && contentType ? await stat(path).catch(() => undefined) : undefined;
    if (!found?.isFile() || !contentType) throw new HttpError(404, "There is no such file");
    const version = `${found.size.toString(36)}-${Math.floor(found.mtimeMs).toString(36)}`;
    const reply = { contentType, cacheControl };
    const tag = { ETag: `W/"${version}"` };
    if (!isCompressible(contentType, found.size) || !takesGzip(headers["accept-encoding"]))
      return { ...reply, body: await readFile(path), headers: tag };
    const body = await compressed.get(`${name} ${version}`, async () => await compress(await readFile(path)));
    return { ...reply, body: body!, headers: { ...tag, "Content-Encoding": "gzip", Vary: "Accept-Encoding" } };
  };
}
