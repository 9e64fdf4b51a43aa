// The runtime in a page or a web worker: onnxruntime-web, on WebGPU or as WebAssembly with as many threads as the page may
// have. Nothing is fetched but its own files, from where the caller says. run() on WebAssembly blocks the thread.

import { SpinnError } from "../errors.ts";
import { loadOrtWebBuild, type OrtWebBuild, type WebProvider } from "./ort-web-build.ts";
import { type GpuHealth, GpuSession } from "./ort-web-gpu-session.ts";
import type { CreateSession, SessionOptions } from "./runtime.ts";

export type { WebProvider } from "./ort-web-build.ts";

export interface OrtWebOptions {
  /**
   * A folder of the page's origin with onnxruntime-web's files (those of its `dist`), for pages without a bundler. With one, only the
   * `ort-wasm-simd-threaded*` are needed there. @default where the bundler has put them
   *
   * @example new URL("ort/", document.baseURI)
   */
  readonly assets?: URL | string;
  /** What to try first; WebAssembly is what remains. @default "webgpu" */
  readonly prefer?: WebProvider;
  /** Also takes a GPU that is emulated in software, which is slower than WebAssembly. @default false */
  readonly softwareGpu?: boolean;
  /** On WebAssembly; 1 where the page is not cross-origin isolated. @default half of the cores, at most 4 */
  readonly threads?: number;
  /** Told why when less than what was asked for has to do: now, or when a GPU is lost. */
  readonly onFallback?: (reason: string) => void;
}

export interface OrtWeb {
  /** What sessions are made for unless they ask for another one. It changes when the GPU is lost. */
  readonly provider: WebProvider;
  /** Inside one operator on WebAssembly. They are shared by all sessions. */
  readonly threads: number;
  /** Of the options `executionProviders`, `optimization` and `arena` count. Sessions run one at a time. */
  readonly createSession: CreateSession;
}

/**
 * Finds out what the browser can do and loads as much of onnxruntime-web as that takes. Threads and folder of the first
 * call hold for the whole page, or worker.
 *
 * @throws {SpinnError} Runtime when onnxruntime-web cannot be loaded
 * @throws {RangeError} unless `threads` is 1 or more
 */
export async function openOrtWeb(options: OrtWebOptions = {}): Promise<OrtWeb> {
  const { prefer = "webgpu", threads = defaultThreads(), onFallback = () => undefined } = options;
  if (!(Number.isInteger(threads) && threads >= 1)) throw new RangeError(`Threads must be 1 or more, not ${threads}`);
  if (threads > 1 && !globalThis.crossOriginIsolated)
    onFallback("The page is not cross-origin isolated: WebAssembly has one thread");
  const problem = prefer === "webgpu" ? await whyNoGpu(options.softwareGpu ?? false) : undefined;
  if (problem !== undefined) onFallback(`${problem}: WebAssembly computes`);
  const runtime = new OrtWebRuntime({
    provider: problem === undefined ? prefer : "wasm",
    assets: options.assets && new URL(options.assets, globalThis.location.href).href.replace(/\/?$/, "/"),
    threads: globalThis.crossOriginIsolated ? threads : 1,
    onFallback,
  });
  await runtime.load(runtime.provider);
  return runtime;
}

interface RuntimeSettings {
  readonly provider: WebProvider;
  readonly assets: string | undefined;
  readonly threads: number;
  readonly onFallback: (reason: string) => void;
}

class OrtWebRuntime implements OrtWeb {
  provider: WebProvider;
  readonly threads: number;
  readonly #settings: RuntimeSettings;
  readonly #builds = new Map<WebProvider, Promise<OrtWebBuild>>();
  #gpuFate: Pick<GpuHealth, "lost" | "distrust"> | undefined;

  constructor(settings: RuntimeSettings) {
    this.#settings = settings;
    this.provider = settings.provider;
    this.threads = settings.threads;
  }

  readonly createSession: CreateSession = async (model, options = {}) => {
    const provider = this.#choose(options);
    const bytes = model instanceof Uint8Array ? model : (await import("../onnx/codec.ts")).encodeModel(model);
    const build = await this.load(provider);
    const session = await build.create(bytes, options);
    if (provider === "wasm") return session;
    this.#gpuFate ??= gpuFate(await build.device());
    return new GpuSession(session, {
      ...this.#gpuFate,
      onProcessor: () => build.create(bytes, options, "wasm"),
      replace: async (reason) => {
        this.#giveUpGpu(reason);
        return await (await this.load("wasm")).create(bytes, options);
      },
    });
  };

  load(provider: WebProvider): Promise<OrtWebBuild> {
    const { assets, threads } = this.#settings;
    let build = this.#builds.get(provider);
    if (!build) {
      build = loadOrtWebBuild(provider, assets, threads);
      this.#builds.set(provider, build);
      // A failure is told to whoever waits; the next one tries again.
      build.catch(() => this.#builds.delete(provider));
    }
    return build;
  }

  #choose({ executionProviders, profilePrefix, optimizedModelPath }: SessionOptions): WebProvider {
    if (profilePrefix !== undefined || optimizedModelPath !== undefined)
      throw new RangeError("A page cannot write files");
    if (!executionProviders) return this.provider;
    const known: Readonly<Record<string, WebProvider>> = {
      wasm: "wasm",
      cpu: "wasm",
      ...(this.provider === "webgpu" && { webgpu: "webgpu" }),
    };
    for (const name of executionProviders) if (known[name]) return known[name];
    throw new SpinnError("Runtime", `No such execution provider among ${executionProviders.join(", ")}`, {
      hint: `This page has ${Object.keys(known).join(", ")}`,
    });
  }

  /** Every session on the GPU notices; it is said once. */
  #giveUpGpu(reason: string): void {
    if (this.provider === "wasm") return;
    this.provider = "wasm";
    this.#settings.onFallback(`${reason}: WebAssembly goes on`);
  }
}

/** Shared by all sessions on a device: what is wrong for one is wrong for all. */
function gpuFate(device: GPUDevice): Pick<GpuHealth, "lost" | "distrust"> {
  let distrust: (reason: string) => void = () => undefined;
  const wrong = new Promise<string>((resolve) => {
    distrust = resolve;
  });
  const gone = device.lost.then(
    ({ message }) => `The GPU was lost (${message.split("\n", 1)[0] || "no reason given"})`,
  );
  return { lost: Promise.race([gone, wrong]), distrust };
}

/** undefined when there is one. */
async function whyNoGpu(softwareToo: boolean): Promise<string | undefined> {
  const { gpu } = navigator;
  if (!gpu) return "This browser has no WebGPU";
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (!adapter) return "The browser gives no GPU adapter";
  const isSoftware = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(describe(adapter.info));
  return isSoftware && !softwareToo ? "The GPU is emulated in software" : undefined;
}

function describe({ vendor, architecture, device, description }: GPUAdapterInfo): string {
  return [vendor, architecture, device, description].join(" ");
}

/** Leaves cores for the page itself. */
function defaultThreads(): number {
  return Math.max(1, Math.min(4, Math.ceil(navigator.hardwareConcurrency / 2)));
}
