import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts", "web/**/*.test.ts"],
    globalSetup: ["scripts/vitest-setup.mjs"],
    // processes, not threads: ONNX Runtime is native code, and a crash of it takes one file's tests along, not all
    pool: "forks",
    // tests run networks on a machine that may be doing other things
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
