// The pages that `spinn serve` hands out, built into dist/pages. `npx vite web` serves them while they are worked on, and asks a
// `spinn serve` on port 8484 for everything else.

import { fileURLToPath } from "node:url";
import { defaultClientConditions, defineConfig, type UserConfig } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const server = "http://127.0.0.1:8484";

const config: UserConfig = defineConfig({
  root: here("."),
  // the server may stand behind a proxy, under a path of its own
  base: "./",
  logLevel: "warn",
  // the runtime's own loader and its WebAssembly come from /ort, not from inside the bundle
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  worker: { format: "es" },
  build: {
    outDir: here("../dist/pages"),
    emptyOutDir: true,
    target: "es2023",
    modulePreload: { polyfill: false },
    // the pages' content security policy allows no data: URLs
    assetsInlineLimit: 0,
    rolldownOptions: {
      // how long a plugin takes says how busy the machine is
      checks: { pluginTimings: false },
      input: { index: here("index.html"), console: here("console.html") },
    },
  },
  server: {
    headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
    proxy: { "/api": server, "/models": server, "/samples": server, "/ort": server },
  },
});
export default config;
