// onnxruntime-web in the page's own thread.

import { GraphBuilder } from "../../../src/onnx/builder.ts";
import { type OrtWeb, openOrtWeb } from "../../../src/runtime/ort-web.ts";
import { float32 } from "../../../src/tensor.ts";
import { runtimeSuite } from "../../contract/runtime-suite.ts";
import type { Lab } from "../lab.ts";

let runtime: OrtWeb;
const fallbacks: string[] = [];
const devices: GPUDevice[] = [];

export const runtimeLab: Pick<Lab, "open" | "observe" | "loseGpu"> = {
  async open(options) {
    noteDevices();
    const assets = new URL("ort/", document.baseURI);
    runtime = await openOrtWeb({ ...options, assets, onFallback: (reason) => fallbacks.push(reason) });
    return { provider: runtime.provider, threads: runtime.threads, fallbacks };
  },

  observe: (name) => runtimeSuite.find((one) => one.name === name)!.observe(runtime.createSession),

  async loseGpu() {
    const graph = new GraphBuilder();
    graph.output(graph.op("Add", [graph.input("x", [1]), graph.scalar(1)], {}, "y"));
    const session = await runtime.createSession(graph.build("increment"));
    const outputs: number[] = [];
    const run = async (value: number): Promise<void> => {
      const { y } = await session.run({ x: float32(Float32Array.of(value), [1]) });
      outputs.push(Number(y!.data[0]));
    };
    await run(1);
    const underWay = run(2);
    for (const device of devices) device.destroy();
    await underWay;
    await run(3);
    await session.release();
    return { outputs, devices: devices.length, provider: runtime.provider, fallbacks };
  },
};

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
