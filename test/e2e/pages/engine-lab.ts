// The device's engine in a page: the toy network in a web worker, a server behind the platform's WebSocket.

import {
  browserDial,
  createDeviceEngine,
  type DeviceEngine,
  makePlan,
  openWebCompute,
} from "../../../src/web/index.ts";
import { colourImage } from "../../toy.ts";
import type { Lab } from "../lab.ts";

const SIDE = 8;
let engine: DeviceEngine;

export const engineLab: Pick<Lab, "connect" | "infer" | "disconnect"> = {
  async connect({ server, ...options }) {
    const model = new Uint8Array(await (await fetch(new URL("toy.onnx", document.baseURI))).arrayBuffer());
    const fallbacks: string[] = [];
    let runtime = { provider: "", threads: 0 };
    const compute = await openWebCompute({
      model,
      runtime: { ...options, assets: "ort/", onFallback: (reason) => fallbacks.push(reason) },
      onRuntime: (found) => {
        runtime = found;
      },
    });
    const plan = makePlan(compute.network, { cut: "none" });
    engine = createDeviceEngine({ compute, plan, ...(server !== undefined && { dial: browserDial(server) }) });
    if (server !== undefined) await new Promise((resolve) => engine.on("connection", resolve));
    return { ...runtime, fallbacks, cuts: engine.network.cuts.map(({ id }) => id) };
  },

  async infer({ cut, threshold }, images) {
    const plan = makePlan(engine.network, { cut, threshold, codec: "float32" });
    const results = images.map(async ({ label, seed }) => {
      const data = colourImage(label, SIDE, seed);
      const result = await engine.infer({ width: SIDE, height: SIDE, data }, { plan, wantsLogits: true });
      const { exit, label: name, source, logits = [] } = result;
      return { exit, label: name, source, logits: Array.from(logits) };
    });
    return await Promise.all(results);
  },

  disconnect: () => engine.close(),
};
