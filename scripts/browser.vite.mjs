// `spinn/web` for pages without a bundler: a few modules that import nothing by name but onnxruntime-web, which lies beside them.

import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  base: "./",
  logLevel: "warn",
  publicDir: false,
  worker: { format: "es", rolldownOptions: { external: /^onnxruntime-web/ } },
  build: {
    outDir: "dist/browser",
    emptyOutDir: true,
    target: "es2023",
    modulePreload: false,
    rolldownOptions: {
      external: /^onnxruntime-web/,
      input: { index: "src/web/index.ts" },
      preserveEntrySignatures: "strict",
      output: { entryFileNames: "[name].js" },
    },
  },
});
