// The page of bench/web.bench.ts: measures in a real browser.

import { encodeTensor, type QuantizedValues } from "../../src/codec/index.ts";
import { openSlicedNetwork } from "../../src/engine/open-sliced-network.ts";
import type { BoundaryState } from "../../src/engine/sliced-network.ts";
import { type Step, stepsBetween } from "../../src/engine/steps.ts";
import { decodeModel } from "../../src/onnx/codec.ts";
import { createRng } from "../../src/random.ts";
import { type OrtWeb, openOrtWeb } from "../../src/runtime/ort-web.ts";
import { float32, sizeOf, type Tensor } from "../../src/tensor.ts";
import { connect, type Pixels, type WebClient } from "../../src/web/index.ts";
import type { QuantizedFile, WebBench } from "../web-page.ts";

const WARM_UP = 3;
const assets = new URL("ort/", document.baseURI);
let runtime: OrtWeb;
let tensors: QuantizedValues[] | undefined;

const bench: WebBench = {
  async open(threads) {
    runtime = await openOrtWeb({ assets, prefer: "wasm", threads });
    return runtime.threads;
  },

  async price({ model, trunk, rounds, roundMs, arena }) {
    const { createSession } = runtime;
    const network = await openSlicedNetwork(decodeModel(await file(model)), { createSession, session: { arena } });
    const { info } = network;
    const final = info.exits.length - 1;
    const all = info.exits.map(() => 0);
    // Heads excluded: every step ends where its exit is, and only the last one asks.
    const steps = stepsBetween(info, "input", "none", all).map(
      ({ from, to, exit }): Step => (exit === final ? { from, to, exit } : { from, to }),
    );
    const session = await createSession(await file(trunk));
    const feeds = { [info.input.name]: randomTensor(info.input.shape) };
    const whole = async (): Promise<Float32Array> => Object.values(await session.run(feeds))[0]!.data as Float32Array;
    const sliced = async (): Promise<Float32Array> => {
      let state: BoundaryState = { cut: "input", tensors: feeds, portable: true };
      let logits = new Float32Array();
      for (const step of steps) {
        const result = await network.run(state, step, false);
        state = result.state;
        if (result.logits) logits = result.logits as Float32Array<ArrayBuffer>;
      }
      return logits;
    };
    const [expected, found] = [await whole(), await sliced()];
    const difference = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
    const times = await interleave(whole, sliced, rounds, roundMs);
    await Promise.all([session.release(), network.release()]);
    return { slices: steps.length, ...times, difference };
  },

  async encode(ms) {
    tensors ??= await loadTensors();
    const bytes = tensors.reduce((sum, { values }) => sum + values.length, 0);
    const started = performance.now();
    let runs = 0;
    while (performance.now() - started < ms) {
      for (const tensor of tensors) encodeTensor(tensor, { codec: "lz4" });
      runs++;
    }
    return (runs * bytes) / 1000 / (performance.now() - started);
  },

  async infer(model, ms) {
    const plan = { cut: "none", threshold: 0.9 };
    const client = await connect({ model, runtime: { assets, prefer: "wasm" }, plan });
    let longTasks = 0;
    const observer = new PerformanceObserver((list) => {
      longTasks += list.getEntries().length;
    });
    observer.observe({ type: "longtask" });
    const image = imageFor(client);
    const started = performance.now();
    let inferences = 0;
    while (performance.now() - started < ms) {
      await client.infer(image);
      inferences++;
    }
    observer.disconnect();
    await client.close();
    return { inferences, longTasks };
  },

  async firstAnswer(network, server) {
    const started = performance.now();
    const client = await connect({ model: network, server, runtime: { assets, prefer: "wasm" } });
    const { source } = await client.infer(imageFor(client));
    const ms = performance.now() - started;
    await client.close();
    if (source !== "server") throw new Error("The answer is the page's own");
    return ms;
  },
};

/** Milliseconds a run of both, round by round; every other round begins with the other. */
async function interleave(
  a: () => Promise<unknown>,
  b: () => Promise<unknown>,
  rounds: number,
  roundMs: number,
): Promise<{ wholeMs: number[]; slicedMs: number[] }> {
  const time = async (task: () => Promise<unknown>, runs: number): Promise<number> => {
    const started = performance.now();
    for (let i = 0; i < runs; i++) await task();
    return (performance.now() - started) / runs;
  };
  await time(b, WARM_UP);
  const runs = Math.max(1, Math.round(roundMs / (await time(a, WARM_UP))));
  const wholeMs: number[] = [];
  const slicedMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 1) slicedMs.push(await time(b, runs));
    wholeMs.push(await time(a, runs));
    if (round % 2 === 0) slicedMs.push(await time(b, runs));
  }
  return { wholeMs, slicedMs };
}

/** Of the size that the network takes. */
function imageFor({ network }: WebClient): Pixels {
  const [, , height, width] = network.input.shape as [number, number, number, number];
  return { width, height, data: new Uint8Array(width * height * 3).map((_, i) => (i * 7919) % 256) };
}

function randomTensor(shape: readonly number[]): Tensor {
  const rng = createRng(1);
  return float32(
    Float32Array.from({ length: sizeOf(shape) }, () => rng() * 2 - 1),
    shape,
  );
}

async function loadTensors(): Promise<QuantizedValues[]> {
  const files: QuantizedFile[] = JSON.parse(new TextDecoder().decode(await file("tensors.json")));
  return await Promise.all(files.map(async (one) => ({ ...one, bits: 8, values: await file(one.values) })));
}

async function file(name: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(new URL(name, document.baseURI))).arrayBuffer());
}

Object.assign(globalThis, { bench });
