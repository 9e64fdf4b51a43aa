// One of onnxruntime-web's builds, loaded and set up: WebAssembly alone, or with WebGPU. Each has a heap and threads of its
// own, and one stack: what is asked of it happens in turn.

import type { Env, InferenceSession, TensorConstructor } from "onnxruntime-common";
import { ortFailure, ortLoadFailure } from "./ort-failure.ts";
import { type InTurn, OrtSession } from "./ort-session.ts";
import type { SessionOptions } from "./runtime.ts";

export type WebProvider = "webgpu" | "wasm";

export interface OrtWebBuild {
  /** @throws {SpinnError} as CreateSession */
  create(bytes: Uint8Array, options: SessionOptions): Promise<OrtSession>;
  /** The one that sessions run on, once there is a session. */
  device(): Promise<GPUDevice>;
}

/** The part of the package that we use; its builds differ in nothing but what is inside. */
interface OrtPackage {
  readonly env: Env;
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: TensorConstructor;
}

// A bundler finds both and makes chunks of them; a page downloads the one that it needs.
const packages: Readonly<Record<WebProvider, () => Promise<OrtPackage>>> = {
  wasm: () => import("onnxruntime-web/wasm"),
  webgpu: () => import("onnxruntime-web/webgpu"),
};

/**
 * @param assets absolute URL of the folder with the build's `.mjs` and `.wasm`, ending in a slash
 * @throws {SpinnError} Runtime when onnxruntime-web is not there
 */
export async function loadOrtWebBuild(provider: WebProvider, assets: string, threads: number): Promise<OrtWebBuild> {
  let ort: OrtPackage;
  try {
    ort = await packages[provider]();
  } catch (error) {
    throw ortFailure("Runtime", "Cannot load onnxruntime-web", error);
  }
  ort.env.logLevel = "error";
  ort.env.wasm.wasmPaths = assets;
  ort.env.wasm.numThreads = threads;
  const inTurn = turns();
  return {
    create: async (bytes, { optimization = "all", arena = true }) => {
      const options: InferenceSession.SessionOptions = {
        executionProviders: [provider],
        graphOptimizationLevel: optimization === "none" ? "disabled" : optimization,
        enableCpuMemArena: arena,
        logSeverityLevel: 3,
      };
      try {
        const session = await inTurn(() => ort.InferenceSession.create(bytes, options));
        return new OrtSession(session, ort.Tensor, inTurn);
      } catch (error) {
        throw ortLoadFailure(error);
      }
    },
    device: () => ort.env.webgpu.device as Promise<GPUDevice>,
  };
}

/** First come, first served. */
function turns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
