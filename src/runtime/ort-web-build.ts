// One of onnxruntime-web's builds, loaded and set up: WebAssembly alone, or with WebGPU. Each has a heap and threads of its
// own, and one stack: what is asked of it happens in turn.

import type { Env, InferenceSession, TensorConstructor } from "onnxruntime-common";
import { messageOf, SpinnError } from "../errors.ts";
import { ortLoadFailure } from "./ort-failure.ts";
import { type InTurn, OrtSession } from "./ort-session.ts";
import type { SessionOptions } from "./runtime.ts";

export type WebProvider = "webgpu" | "wasm";

export interface OrtWebBuild {
  /**
   * @param provider every build also has the processor. @default the build's own
   * @throws {SpinnError} as CreateSession
   */
  create(bytes: Uint8Array, options: SessionOptions, provider?: WebProvider): Promise<OrtSession>;
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
 * @param assets absolute URL of the folder with the package's files, ending in a slash; undefined: a bundler knows where they are
 * @throws {SpinnError} Runtime when onnxruntime-web is not there
 */
export async function loadOrtWebBuild(
  provider: WebProvider,
  assets: string | undefined,
  threads: number,
): Promise<OrtWebBuild> {
  const ort = await loadPackage(provider, assets);
  ort.env.logLevel = "error";
  if (assets !== undefined) ort.env.wasm.wasmPaths = assets;
  ort.env.wasm.numThreads = threads;
  const inTurn = turns();
  return {
    create: async (bytes, { optimization = "all", arena = true }, on = provider) => {
      const options: InferenceSession.SessionOptions = {
        executionProviders: [on],
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

/** By its name, which bundlers know. Without one nobody does: workers have no import maps. Then the folder has the package itself. */
async function loadPackage(provider: WebProvider, assets: string | undefined): Promise<OrtPackage> {
  try {
    return await packages[provider]();
  } catch (error) {
    const found = assets && (await importAt(`${assets}ort.${provider}.min.mjs`).catch(() => undefined));
    if (found) return found;
    const hint =
      "Install onnxruntime-web where the bundler finds it, or name the folder with its files as runtime.assets";
    throw new SpinnError("Runtime", `Cannot load onnxruntime-web: ${messageOf(error)}`, { hint, cause: error });
  }
}

async function importAt(url: string): Promise<OrtPackage> {
  return await import(/* @vite-ignore */ /* webpackIgnore: true */ url);
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
