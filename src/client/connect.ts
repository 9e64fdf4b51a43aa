// The client in Node: compute in worker threads, a server over WebSocket, images decoded by libvips.

import { join } from "node:path";
import { type ComputeOptions, openCompute } from "../compute/index.ts";
import { cacheRoot, decodeImage } from "../data/index.ts";
import { programName } from "../package-file.ts";
import { fileSideStore } from "../profiler/file-side-store.ts";
import { createRng } from "../random.ts";
import { type Dial, type Token, websocketDial } from "../transport/index.ts";
import { type Client, type ClientOptions, createClient } from "./client.ts";

export interface ConnectOptions
  extends ComputeOptions,
    Omit<ClientOptions, "compute" | "decodeImage" | "defaultDeadlineMs" | "dial" | "clock" | "rng"> {
  /** `ws://host:port`, or another way to reach it, like `natsDial` of `spinn/nats`; absent: the device does everything. */
  readonly server?: string | Dial;
  /** Proves who this is to a server that asks; a function is asked for each connection, so that it may be renewed. @default none */
  readonly token?: Token;
  /** Answer within so many milliseconds, as well as is possible by then. @default none */
  readonly deadlineMs?: number;
  /** Of the jitter between attempts to connect. @default the time */
  readonly seed?: number;
}

/**
 * Opens the network, and connects to the server if there is one. Without one the client answers from the device, and keeps trying.
 *
 * @throws {SpinnError} FileAccess, InvalidModel, UnsupportedModel or Runtime when the network cannot be opened; Aborted
 * @throws {RangeError} for a plan that does not fit it, an agreement that makes no sense, a URL that is none
 * @example
 * const sla = { require: ["latency.p95 <= 60ms", "accuracy >= 88%"], prefer: ["min server-cost"] };
 * const client = await connect({ model: "resnet56.spinn.onnx", server: "ws://localhost:8484", sla });
 * const { label, source, timings } = await client.infer(await readFile("cat.jpg"));
 * await client.close();
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const { server, token, deadlineMs, seed, ...rest } = options;
  const dial = typeof server === "string" ? websocketDial(server, { ...(token !== undefined && { token }) }) : server;
  const { threads = 1, executionProviders = ["cpu"], slowdown = 1 } = rest;
  const compute = await openCompute(rest);
  try {
    return await createClient({
      agent: programName(),
      sideStore: fileSideStore(join(cacheRoot(), "sides"), { threads, executionProviders, slowdown }),
      ...rest,
      compute,
      decodeImage: (bytes) => decodeImage(bytes, "The image"),
      ...(dial && { dial }),
      ...(deadlineMs !== undefined && { defaultDeadlineMs: deadlineMs }),
      ...(seed !== undefined && { rng: createRng(seed) }),
    });
  } catch (error) {
    await compute.close();
    throw error;
  }
}
