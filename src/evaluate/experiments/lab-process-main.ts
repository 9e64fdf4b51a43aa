// The code of a lab process: a server or a device, as it is asked. Started by `startLabProcess`.

import { createClient } from "../../client/client.ts";
import { openCompute } from "../../compute/index.ts";
import { type Dataset, decodeImage, outputIndices } from "../../data/index.ts";
import { type ComputePool, createCloudEngine } from "../../engine/index.ts";
import { messageOf } from "../../errors.ts";
import { readModelFile } from "../../onnx/index.ts";
import { measureSide, sideProfileOf } from "../../profiler/index.ts";
import { readMetadata } from "../../progressive/index.ts";
import type { SideProfile } from "../../scheduler/index.ts";
import { listenWebSocket, websocketDial } from "../../transport/index.ts";
import { labImages } from "./lab-images.ts";
import type { LabAnswer, LabReply, LabRequest } from "./lab-protocol.ts";

type Answered = Omit<LabReply & { kind: "done" }, "kind">;
type RunRequest = LabRequest & { readonly do: "run" };
type ProfileRequest = LabRequest & { readonly do: "profile" };
type ConnectRequest = LabRequest & { readonly do: "connect" };

let pool: ComputePool | undefined;
let run: ((request: RunRequest) => Promise<readonly LabAnswer[]>) | undefined;

async function answer(request: LabRequest): Promise<Answered> {
  switch (request.do) {
    case "serve":
      return { port: await serve(request.model, request.slowdown) };
    case "connect":
      run = await connect(request);
      return {};
    case "profile":
      return { side: await profile(request) };
    case "slow":
      pool?.setSlowdown(request.slowdown);
      return {};
    case "run":
      if (!run) throw new TypeError("The device is not connected");
      return { answers: await run(request) };
  }
}

async function serve(model: string, slowdown: number): Promise<number> {
  pool = await openCompute({ model, slowdown });
  await pool.prepare(
    "input",
    "none",
    pool.network.exits.map(() => 1),
  );
  const engine = createCloudEngine({ networks: [pool] });
  return (await listenWebSocket({ port: 0, ...engine })).port;
}

async function profile({ places, role, rounds, budgetMs }: ProfileRequest): Promise<SideProfile> {
  if (!pool) throw new TypeError("There is no network open");
  const nothing = { images: 0, confidences: new Float32Array(), correct: new Uint8Array() };
  const cuts = places.map(({ codecs, ...place }) => ({
    ...place,
    codecs: codecs.map((codec) => ({ codec, bytes: [], record: nothing })),
  }));
  return sideProfileOf(pool.network, cuts, await measureSide(pool, cuts, { rounds, budgetMs }), role);
}

async function connect({ model, slowdown, server, images }: ConnectRequest): Promise<NonNullable<typeof run>> {
  const metadata = readMetadata(await readModelFile(model));
  const dataset = await labImages(metadata, images);
  pool = await openCompute({ model, slowdown });
  const client = await createClient({
    compute: pool,
    dial: websocketDial(server),
    decodeImage: (bytes) => decodeImage(bytes, "The image"),
    plan: { cut: "none" },
  });
  const classes = outputIndices(dataset, client.network.classes);
  return async ({ plan, images: wanted }) => {
    await client.setPlan({ cut: plan.cut, threshold: plan.thresholds, codec: plan.codec, bits: plan.bits });
    const answers: LabAnswer[] = [];
    for (const image of wanted) {
      const pixels = await dataset.pixels(image);
      const started = performance.now();
      const { classIndex, exit, source, timings, bytesUp, fallbackReason } = await client.infer(pixels);
      const latencyMs = performance.now() - started;
      answers.push({
        ...{ image, correct: isRight(dataset, classes, image, classIndex), exit, source, latencyMs, bytesUp },
        ...{ deviceMs: timings.deviceMs + timings.packMs, serverMs: timings.serverMs, networkMs: timings.networkMs },
        ...(fallbackReason !== undefined && { fallbackReason }),
      });
    }
    return answers;
  };
}

function isRight({ labels }: Dataset, classes: ArrayLike<number>, image: number, answered: number): boolean {
  return answered === classes[labels[image]!];
}

process.on("message", (request) => {
  const reply = (message: LabReply): void => void process.send?.(message);
  answer(request as LabRequest).then(
    (done) => reply({ kind: "done", ...done }),
    (error: unknown) => reply({ kind: "failed", message: messageOf(error) }),
  );
});
// whoever experiments has gone
process.once("disconnect", () => process.exit());
