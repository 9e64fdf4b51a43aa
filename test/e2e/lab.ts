// What the page of the browser tests can be asked to do. Arguments and answers cross as plain data.

import type { Page } from "playwright-core";

export interface Lab {
  /** Opens the runtime that `observe` and `loseGpu` use. */
  open(options: RuntimeOptions): Promise<LabRuntime>;
  /** The observations of a case of the runtime's contract. */
  observe(name: string): Promise<unknown>;
  /** Runs a session that adds 1 to 1, 2 and 3: on the GPU, while it is lost, and after its loss. */
  loseGpu(): Promise<GpuTale>;
  /** The same, on a GPU that computes nothing any more after so many runs, and does not say so. */
  muteGpu(afterRuns: number): Promise<GpuTale>;

  /** Names of the test vectors that are not encoded, or not decoded, to what they must be. */
  wrongPackets(vectors: readonly PacketVector[]): Promise<string[]>;

  /** Opens a connection and notes what happens to it. @returns its number, or the code and message of the error */
  dial(url: string, options: DialSettings): Promise<number | string>;
  /** Sends messages, each of one byte repeated. @returns the bytes that then wait */
  send(connection: number, messages: readonly Repeated[]): Promise<number>;
  hangUp(connection: number, reason: string): Promise<void>;
  heard(connection: number): Promise<Heard>;

  /** Opens a network in a web worker and connects it. */
  connect(options: RuntimeOptions & Connecting): Promise<LabRuntime & { cuts: string[] }>;
  /** Connects and infers an image at once. @returns how long that took, and the slices that were there by then */
  firstAnswer(
    options: RuntimeOptions & Connecting,
  ): Promise<{ ms: number; source: string; arrived: readonly string[] }>;
  /** Infers toy images, all at once; without a plan by the client's own. */
  infer(plan: LabPlan | undefined, images: readonly ToyImage[]): Promise<LabAnswer[]>;
  /** The cuts that can be reached by now, of a network in slices, and the cut of the client's plan. */
  arrived(): Promise<{ cuts: string[]; plan: string }>;
  /** Infers all images of a file beside the page: 32 x 32 RGB bytes, one after the other. */
  inferFile(plan: LabPlan, file: string): Promise<LabAnswer[]>;
  /** Changes what the browser has kept of a slice. */
  damageKept(): Promise<void>;
  /** Throws away what the browser has kept of networks. */
  forget(): Promise<void>;
  /** Infers one image on the device. @returns its logits, or the error */
  inferAs(kind: ImageKind, image: ToyImage): Promise<number[] | string>;
  /** Why there is no connection, in the server's words and its code. */
  problem(): Promise<string | undefined>;
  disconnect(): Promise<void>;

  /** Infers image after image of a file, as `inferFile` reads it, by the client's own plan, until it is told to stop. */
  keepInferring(file: string, deadlineMs: number): Promise<void>;
  /** What has happened since `keepInferring`. */
  lookBack(): Promise<Looking>;
  stopInferring(): Promise<void>;
  /** Events of the page that make it look for its server, of those that are sent to it. */
  wakeUps(): Promise<string[]>;
}

export interface RuntimeOptions {
  readonly prefer?: "webgpu" | "wasm";
  readonly threads?: number;
  readonly softwareGpu?: boolean;
}

export interface GpuTale {
  readonly outputs: readonly number[];
  readonly devices: number;
  /** At the end. */
  readonly provider: string;
  readonly fallbacks: readonly string[];
}

export interface Connecting {
  readonly server?: string;
  /** Where to dial `spinn.devices` over NATS' own WebSocket, as the device `page`. */
  readonly nats?: { readonly url: string; readonly password: string };
  /** Shown to the server. */
  readonly token?: string;
  /** @default "toy.onnx" */
  readonly model?: string;
  /** @default "none" */
  readonly cut?: string;
  /** Everything on the device takes this many times as long. */
  readonly slowdown?: number;
}

export interface Looking {
  readonly answers: readonly StreamAnswer[];
  /** Errors of inferences. */
  readonly failures: readonly string[];
  /** Cuts of the plans that were followed from then on. */
  readonly plans: readonly string[];
  readonly connections: readonly boolean[];
  /** Milliseconds of the tasks of over 50 ms that the page's own thread had. */
  readonly longTasksMs: readonly number[];
}

export interface StreamAnswer {
  readonly source: string;
  readonly fallbackReason?: string;
  readonly totalMs: number;
}

/** Of packets without loss, unless it says otherwise. */
export interface LabPlan {
  readonly cut: string;
  readonly threshold: number;
  /** @default "float32" */
  readonly codec?: "float32" | "packed" | "lz4" | "rans";
}

export interface LabRuntime {
  readonly provider: string;
  readonly threads: number;
  /** Why less than what was asked for has to do. */
  readonly fallbacks: readonly string[];
}

/** Of src/codec/packet.vectors.json. */
export interface PacketVector {
  readonly name: string;
  readonly codec: "float32" | "packed" | "lz4" | "rans";
  readonly bits: number;
  readonly shape: readonly number[];
  /** float32 bytes, little-endian, as hexadecimal digits. */
  readonly values: string;
  readonly packet: string;
}

export interface DialSettings {
  readonly maxMessageBytes: number;
  readonly abortMs?: number;
  readonly handshakeTimeoutMs?: number;
}

export interface Repeated {
  readonly byte: number;
  readonly length: number;
}

export interface Heard {
  readonly messages: readonly Repeated[];
  readonly endings: readonly string[];
  /** Was a handler called from inside `send` or `close`? */
  readonly reentered: boolean;
  readonly bufferedBytes: number;
}

/** As `colourImage` makes it; 8 pixels wide and high. */
export interface ToyImage {
  readonly label: number;
  readonly seed: number;
}

export type ImageKind =
  | "pixels"
  | "imageData"
  | "canvas"
  | "bitmap"
  | "blob"
  | "bytes"
  | "element"
  | "video"
  | "emptyElement"
  | "emptyVideo"
  | "text";

export interface LabAnswer {
  readonly exit: number;
  readonly label: string;
  readonly logits: readonly number[];
  readonly source: string;
}

/** Asks the page. @example await ask(page, "observe", "run() computes only what is fetched") */
export async function ask<K extends keyof Lab>(
  page: Page,
  what: K,
  ...args: Parameters<Lab[K]>
): Promise<Awaited<ReturnType<Lab[K]>>> {
  await page.waitForFunction("globalThis.lab");
  return await page.evaluate(
    ([what, args]) => {
      const { lab } = globalThis as unknown as { lab: Record<string, (...args: unknown[]) => unknown> };
      return lab[what]!(...args) as never;
    },
    [what, args as unknown[]] as const,
  );
}
