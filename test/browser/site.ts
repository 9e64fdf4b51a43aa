// Pages for tests and benchmarks: served on a free port with onnxruntime-web beside
// them, cross-origin isolated below `/isolated/` and not below `/plain/`.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, extname, join } from "node:path";
import { bundle, root } from "./bundle.ts";

export interface Site {
  /** Ends in a slash. */
  readonly url: string;
  /** For WebSockets at the same port. */
  readonly server: Server;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** Bytes, with headers of their own perhaps. */
export type SiteFile = Uint8Array | { readonly body: Uint8Array; readonly headers: Readonly<Record<string, string>> };

/** By path: a file, or what makes one of the rest of a path that begins so, with its query; undefined: there is no such thing. */
export type SiteFiles = Readonly<Record<string, Uint8Array | ((rest: string) => Promise<SiteFile | undefined>)>>;

/**
 * Bundles a script and serves a page around it: `<url>plain/index.html`, `<url>isolated/index.html`.
 *
 * @param script relative to the repository
 * @param files what else lies beside the page
 */
export async function startSite(script: string, files: SiteFiles = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-site-"));
  await bundle(script, folder);
  const page = `<!doctype html><meta charset="utf-8"><title>spinn</title><link rel="icon" href="data:,">
<script type="module" src="index.js"></script>`;
  const find = async (path: string, query: string): Promise<SiteFile | string | undefined> => {
    if (path === "index.html") return page;
    for (const [name, file] of Object.entries(files)) {
      if (typeof file === "function" && path.startsWith(name)) return await file(path.slice(name.length) + query);
      if (path === name) return file as Uint8Array;
    }
    return await readFile(fileOf(folder, path)).catch(() => undefined);
  };
  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url!, "http://localhost");
    const [, mode, ...rest] = pathname.split("/");
    const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
    const type = { "Content-Type": types[extname(pathname)] ?? "application/octet-stream" };
    const found = await find(rest.join("/"), search);
    if (found === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { body, headers } = typeof found === "object" && "body" in found ? found : { body: found, headers: {} };
    response.writeHead(200, { ...type, ...(mode === "isolated" && isolation), ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

function fileOf(folder: string, path: string): string {
  return path.startsWith("ort/")
    ? join(root, "node_modules/onnxruntime-web/dist", basename(path))
    : join(folder, ...path.split("/").filter((part) => part !== ".."));
}
