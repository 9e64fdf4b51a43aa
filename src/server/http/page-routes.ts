// The pages that come with the package, what they load, and onnxruntime-web's own files for them.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { packageFile } from "../../package-file.ts";
import { type FileFolder, FOREVER, fileFolder, REVALIDATE } from "./file-reply.ts";
import { HttpError } from "./http-error.ts";
import type { Route } from "./route.ts";

/** Of `npm run build`, beside the compiled code. */
const PAGES = packageFile("dist/pages");

export function pageRoutes(folder: string = PAGES): Route[] {
  const pages = fileFolder(folder, REVALIDATE);
  const assets = fileFolder(`${folder}/assets`, FOREVER);
  const page = (path: string, file: string): Route => ({
    path,
    access: "public",
    get: async (request) => {
      if (!existsSync(`${folder}/${file}`))
        throw new HttpError(404, "The pages have not been built. Run npm run build");
      return await pages(file, request);
    },
  });
  return [
    page("/", "index.html"),
    page("/console", "console.html"),
    { path: "/assets/:file", access: "public", get: (request, { file = "" }) => assets(file, request) },
    { path: "/ort/:file", access: "public", get: (request, { file = "" }) => runtimeFile(file, request) },
  ];
}

let runtime: FileFolder | undefined;

const runtimeFile: FileFolder = async (name, request) => {
  runtime ??= fileFolder(runtimeFolder(), REVALIDATE);
  // the package has many other builds, which no page asks for
  if (!name.startsWith("ort-wasm-")) throw new HttpError(404, "There is no such file");
  return await runtime(name, request);
};

/** @throws {HttpError} 404 when onnxruntime-web is not installed */
function runtimeFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
  } catch {
    throw new HttpError(404, "onnxruntime-web is not installed where the server runs. Run npm install onnxruntime-web");
  }
}
