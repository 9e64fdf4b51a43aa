// onnxruntime-web in the page's own thread.

import { GraphBuilder } from "../../../src/onnx/builder.ts";
import { type OrtWeb, openOrtWeb } from "../../../src/runtime/ort-web.ts";
import { float32 } from "../../../src/tensor.ts";
import { runtimeSuite } from "../../contract/runtime-suite.ts";
import type { GpuTale, Lab } from "../lab.ts";

let runtime: OrtWeb;
const fallbacks: string[] = [];
const devices: GPUDevice[] = [];

export const runtimeLab: Pick<Lab, "open" | "observe" | "loseGpu" | "muteGpu"> = {
  async open(options) {
    noteDevices();
    const assets = new URL("ort/", document.baseURI);
    runtime = await openOrtWeb({ ...options, assets, onFallback: (reason) => fallbacks.push(reason) });
    return { provider: runtime.provider, threads: runtime.threads, fallbacks };
  },

  observe: (name) => runtimeSuite.find((one) => one.name === name)!.observe(runtime.createSession),

  loseGpu: () =>
    watchIncrements(async (run) => {
      await run(1);
      const underWay = run(2);
      for (const device of devices) device.destroy();
      await underWay;
      await run(3);
    }),

  muteGpu: (afterRuns) =>
    watchIncrements(async (run) => {
      for (let value = 1; value <= 3; value++) {
        if (value > afterRuns) GPUQueue.prototype.submit = () => undefined;
        await run(value);
      }
    }),
};

/** Adds 1 to values on the GPU while something happens to it. */
async function watchIncrements(happen: (run: (value: number) => Promise<void>) => Promise<void>): Promise<GpuTale> {
  const graph = new GraphBuilder();
  graph.output(graph.op("Add", [graph.input("x", [1]), graph.scalar(1)], {}, "y"));
  const session = await runtime.createSession(graph.build("increment"));
  const outputs: number[] = [];
  await happen(async (value) => {
    const { y } = await session.run({ x: float32(Float32Array.of(value), [1]) });
    outputs.push(Number(y!.data[0]));
  });
  await session.release();
  return { outputs, devices: devices.length, provider: runtime.provider, fallbacks };
}

/** The runtime keeps its device to itself. */
function noteDevices(): void {
  if (!("GPUAdapter" in globalThis)) return;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
    const device = await requestDevice.call(this, descriptor);
    devices.push(device);
    return device;
  };
}
