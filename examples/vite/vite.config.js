// All that spinn/web wants of Vite.

// Without these headers everything works, with one thread. Whoever serves the built page sends them, too.
const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default {
  worker: { format: "es" },
  // Their workers and .wasm files are found by where the code lies, which Vite's cache of dependencies would change.
  optimizeDeps: { exclude: ["spinn", "onnxruntime-web"] },
  build: { target: "es2023" },
  server: { headers },
  preview: { headers },
};
