// The Open Inference Protocol over HTTP (KServe V2), so that clients of KServe, Triton and their like can ask for whole-network
// inference: health, metadata, infer.

import { setMaxListeners } from "node:events";
import { type Account, type ClientLedger, type Denial, shareMsOf } from "../../engine/client-ledger.ts";
import type { CloudEvent, RunEnd } from "../../engine/cloud-events.ts";
import type { Answered, Start } from "../../engine/index.ts";
import { isSpinnError, messageOf } from "../../errors.ts";
import type { RefuseCode } from "../../wire/index.ts";
import type { ServedNetwork } from "../served-network.ts";
import { HttpError } from "./http-error.ts";
import { type Handler, type HttpRequest, json, type Reply, type Route } from "./route.ts";
import { type InferRequest, maxBodyBytes, readInferRequest } from "./v2-request.ts";
import { checkOutputs, inferReply, outputsOf } from "./v2-response.ts";

export interface V2Options {
  /** Those that are served now. */
  readonly networks: () => readonly ServedNetwork[];
  /** Program and version. */
  readonly agent: string;
  /** Is the server taking work? */
  readonly isReady: () => boolean;
  /** Do as many runs wait or compute as may? */
  readonly isFull: () => boolean;
  /** What each client may use, over HTTP as over WebSocket. */
  readonly ledger: ClientLedger;
  /** Hears of each image's run. */
  readonly onEvent: (event: CloudEvent) => void;
}

/** Requests whose bodies may be in memory at the same time. */
const MAX_REQUESTS = 32;

export function v2Routes(options: V2Options): Route[] {
  const { networks, agent, isReady, isFull, ledger } = options;
  let requests = 0;
  const find = ({ name, version }: Readonly<Record<string, string>>): ServedNetwork => {
    const found = networks().find((one) => one.name === name && (version === undefined || one.version === version));
    if (!found) throw new HttpError(404, "This server has no such model, or not this version of it");
    return found;
  };
  const ready = (): Reply => json({ ready: isReady() }, { status: isReady() ? 200 : 503 });
  const [program = agent, version = ""] = agent.split("/");

  const infer: Handler = async (request, parts) => {
    const { compute } = find(parts);
    if (!isReady()) throw new HttpError(503, "The server is shutting down");
    if (requests >= MAX_REQUESTS || isFull()) throw busy();
    requests++;
    const account = ledger.open(request.client);
    try {
      const body = await request.body(maxBodyBytes(compute.network));
      const denial = account.received(body.length);
      if (denial) throw denied(denial);
      const served = find(parts); // by now another network may have taken the place
      const { network } = served.compute;
      const asked = readInferRequest(body, jsonLength(request), network);
      checkOutputs(asked.outputs, network);
      if (isFull()) throw busy(); // by now
      return inferReply(served, asked, await computed(served, asked, request, account, options));
    } finally {
      account.close();
      requests--;
    }
  };
  const metadata: Handler = (_, parts) => {
    const { name, compute } = find(parts);
    return json({
      name,
      versions: networks().flatMap((one) => (one.name === name ? [one.version] : [])),
      platform: "onnx_onnxruntime",
      inputs: [
        { name: compute.network.input.name, datatype: "FP32", shape: [-1, ...compute.network.input.shape.slice(1)] },
      ],
      outputs: outputsOf(compute.network),
    });
  };
  const isModelReady: Handler = (_, parts) => {
    const { name } = find(parts);
    return json({ name, ready: isReady() }, { status: isReady() ? 200 : 503 });
  };
  const model = (path: string, handlers: Pick<Route, "get" | "post">): Route[] =>
    ["/v2/models/:name", "/v2/models/:name/versions/:version"].map((start) => ({
      path: `${start}${path}`,
      access: "device",
      crossOrigin: true,
      ...handlers,
    }));
  return [
    {
      path: "/v2",
      access: "public",
      get: () => json({ name: program, version, extensions: ["binary_tensor_data"] }),
    },
    { path: "/v2/health/live", access: "public", get: () => json({ live: true }) },
    { path: "/v2/health/ready", access: "public", get: ready },
    ...model("", { get: metadata }),
    ...model("/ready", { get: isModelReady }),
    ...model("/infer", { post: infer }),
  ];
}

/** All images at once: they meet in the network, with each other and with those of devices. */
async function computed(
  { compute, hash }: ServedNetwork,
  { starts, threshold }: InferRequest,
  { signal, client }: HttpRequest,
  account: Account,
  { onEvent }: V2Options,
): Promise<Answered[]> {
  const { exits } = compute.network;
  // above 1: an exit that nobody asks is not computed
  const thresholds = exits.map((_, i) => threshold ?? (i === exits.length - 1 ? 1 : 2));
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  setMaxListeners(starts.length + 1, either); // a listener an image is no leak
  const run = async (start: Start): Promise<Answered> => {
    const startedMs = performance.now();
    const receivedBytes = start.kind === "input" ? start.values.byteLength : start.bytes.length;
    const tell = (end: RunEnd): void => {
      const totalMs = performance.now() - startedMs;
      onEvent({ kind: "run", connection: "over HTTP", network: hash, cut: "input", receivedBytes, totalMs, end });
    };
    const denial = account.begin();
    if (denial) {
      tell({ kind: "refused", code: denial.code, reason: denial.reason });
      throw denied(denial);
    }
    let computeMs = 0;
    try {
      const outcome = await compute.start({ start, cut: "none", thresholds, wantsLogits: true, client }, either);
      if (outcome.kind !== "answered") throw new Error("A task without a cut has paused");
      const { answer, confident, logits, times } = outcome;
      computeMs = shareMsOf(outcome);
      tell({ kind: "answered", exit: answer.exit, confident, sentBytes: logits?.byteLength ?? 0, times });
      return outcome;
    } catch (error) {
      if (either.aborted) tell({ kind: "cancelled" });
      else tell({ kind: "refused", code: codeOf(error), reason: messageOf(error) });
      throw error;
    } finally {
      account.ended(computeMs);
    }
  };
  try {
    return await Promise.all(starts.map(run));
  } catch (error) {
    failed.abort();
    throw httpErrorOf(error);
  }
}

/** As devices are told. */
function codeOf(error: unknown): RefuseCode {
  if (isSpinnError(error, "Overloaded")) return "busy";
  if (isSpinnError(error, "InvalidFrame") || isSpinnError(error, "UnsupportedModel")) return "bad-payload";
  return isSpinnError(error, "Aborted") ? "shutting-down" : "internal";
}

function httpErrorOf(error: unknown): unknown {
  const code = codeOf(error);
  if (code === "busy") return busy();
  if (code === "bad-payload") return new HttpError(400, messageOf(error));
  return code === "shutting-down" ? new HttpError(503, "The server is shutting down") : error;
}

function denied({ reason, waitMs }: Denial): HttpError {
  return new HttpError(429, reason, { "Retry-After": String(Math.ceil(waitMs / 1000)) });
}

function busy(): HttpError {
  return new HttpError(503, "The queue is full", { "Retry-After": "1" });
}

/** @throws {HttpError} 400 when the header is no length */
function jsonLength({ headers }: HttpRequest): number | undefined {
  const text = headers["inference-header-content-length"];
  if (text === undefined) return undefined;
  if (typeof text === "string" && /^\d{1,9}$/.test(text)) return Number(text);
  throw new HttpError(400, "Inference-Header-Content-Length must be a number of bytes");
}
