// The runtime's contract in a real browser: onnxruntime-web as WebAssembly, with one thread and several, and on WebGPU. And
// packets, which need no runtime.

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { runtimeSuite } from "../contract/runtime-suite.ts";
import { describeInChromium, type Visit } from "./in-chromium.ts";
import { ask, type PacketVector, type RuntimeOptions } from "./lab.ts";

interface Kind {
  readonly kind: string;
  readonly mode: "plain" | "isolated";
  readonly options: RuntimeOptions;
  readonly runtime: { readonly provider: string; readonly threads: number; readonly fallbacks: readonly string[] };
}

const oneThread = "The page is not cross-origin isolated: WebAssembly has one thread";
const kinds: readonly Kind[] = [
  {
    kind: "WebAssembly with one thread",
    mode: "plain",
    options: { prefer: "wasm", threads: 2 },
    runtime: { provider: "wasm", threads: 1, fallbacks: [oneThread] },
  },
  {
    kind: "WebAssembly with threads",
    mode: "isolated",
    options: { threads: 2 },
    runtime: { provider: "wasm", threads: 2, fallbacks: ["The GPU is emulated in software: WebAssembly computes"] },
  },
  {
    kind: "WebGPU",
    mode: "isolated",
    options: { threads: 2, softwareGpu: true },
    runtime: { provider: "webgpu", threads: 2, fallbacks: [] },
  },
];

describeInChromium("test/e2e/pages/lab.ts", {}, (visit) => {
  describe.each(kinds)("$kind", ({ mode, options, runtime }) => {
    let visited: Visit;

    beforeAll(async () => {
      visited = await visit(mode);
      expect(await ask(visited.page, "open", options)).toEqual(runtime);
      return () => visited.page.close();
    });

    test.each(runtimeSuite)("$name", async ({ name, expected }) => {
      expect(await ask(visited.page, "observe", name)).toEqual(expected);
    });

    test("nothing was said on the console", () => expect(visited.complaints).toEqual([]));
  });

  test("a lost GPU loses no answer: WebAssembly takes over, and says so", async () => {
    const { page } = await visit("isolated");
    await ask(page, "open", { softwareGpu: true });
    const { outputs, devices, provider, fallbacks } = await ask(page, "loseGpu");
    expect({ outputs, devices, provider }).toEqual({ outputs: [2, 3, 4], devices: 1, provider: "wasm" });
    expect(fallbacks).toEqual([expect.stringMatching(/^The GPU was lost \(.+\): WebAssembly goes on$/)]);
    await page.close();
  });

  test.each([0, 1])("a GPU that computes nothing after %d runs is found out", async (runs) => {
    const { page } = await visit("isolated");
    await ask(page, "open", { softwareGpu: true });
    const { outputs, provider, fallbacks } = await ask(page, "muteGpu", runs);
    expect({ outputs, provider }).toEqual({ outputs: [2, 3, 4], provider: "wasm" });
    expect(fallbacks).toEqual(["The GPU computes something else than the processor: WebAssembly goes on"]);
    await page.close();
  });

  test("packets are the same bytes as in Node, both ways", async () => {
    const { page } = await visit("plain");
    const file = new URL("../../src/codec/packet.vectors.json", import.meta.url);
    const vectors: PacketVector[] = JSON.parse(readFileSync(file, "utf8"));
    expect(vectors.length).toBeGreaterThan(10);
    expect(await ask(page, "wrongPackets", vectors)).toEqual([]);
    const damaged = vectors.map((vector) => ({ ...vector, values: vector.values.replace(/^../, "7f") }));
    expect(await ask(page, "wrongPackets", damaged.slice(0, 1))).toEqual(["float32"]);
    await page.close();
  });
});
