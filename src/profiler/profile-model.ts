// The part of a profile that holds on every device (SPINN's profiler, offline): how sure and how right the exits behind each cut
// are when they see what the codec left of its tensors, and how many bytes that takes, image by image. The trunk runs once for
// a batch of images; from each cut the rest of the network runs again.

import { availableParallelism } from "node:os";
import { createBatchLoader, type Dataset, outputIndices, subset } from "../data/index.ts";
import { type CutPoint, describeNetwork, type NetworkInfo } from "../engine/network-info.ts";
import { SpinnError } from "../errors.ts";
import { hexOf } from "../hex.ts";
import { graphOf, indexGraph } from "../onnx/graph-index.ts";
import { declaredType, type ModelProto } from "../onnx/proto.ts";
import { sliceModel } from "../onnx/slice.ts";
import type { NetworkProfile, ProfiledCut } from "../progressive/network-profile.ts";
import type { ExitRecord } from "../progressive/policy-outcome.ts";
import { createSession, type Session } from "../runtime/index.ts";
import { float32, sizeOf } from "../tensor.ts";
import { chooseCuts } from "./choose-cuts.ts";
import { type ProfileCoding, profileCodings } from "./codings.ts";
import { CutRecorder } from "./cut-recorder.ts";
import { ExitRecorder } from "./exit-recorder.ts";
import { imageOrder } from "./image-order.ts";

export interface ProfileModelOptions {
  /** @default 1000, 250 larger than 64x64, or as many as there are */
  readonly images?: number;
  /** Chooses them. @default 1 */
  readonly seed?: number;
  /** How the exits do on all images of the data set, so that those that are chosen can stand for all. @default unknown */
  readonly known?: ExitRecord;
  /** How many cuts at most, chosen as {@link chooseCuts} does, or which. @default 20 */
  readonly cuts?: number | readonly string[];
  /** @default {@link profileCodings} */
  readonly codings?: readonly ProfileCoding[];
  /** Goes on with this one, if it is of the same network, images, cuts and codings. */
  readonly previous?: NetworkProfile;
  /** @default 32, and 4 for images larger than 64x64 */
  readonly batchSize?: number;
  /** Threads inside one operator. @default all cores, at most 4 */
  readonly threads?: number;
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Ends it after the present batch; of what is done by then there is a profile, to go on with later. */
  readonly signal?: AbortSignal;
}

/**
 * @param model with metadata that says how images become its input
 * @param dataset images that neither training nor an evaluation uses
 * @returns for the model's metadata (`withMetadata(model, { profile })`)
 * @throws {RangeError} for amounts that are none, or cuts that the network does not have
 * @throws {SpinnError} UnsupportedModel without preprocessing; InvalidData for images or classes; Runtime; Aborted before a
 *   first image was done
 */
export async function profileModel(
  model: ModelProto,
  dataset: Dataset,
  options: ProfileModelOptions = {},
): Promise<NetworkProfile> {
  const { seed = 1, codings = profileCodings, previous, signal } = options;
  const info = describeNetwork(model);
  const images = options.images ?? Math.min(isLarge(info) ? 250 : 1000, dataset.length);
  if (!(Number.isInteger(images) && images > 0 && images <= dataset.length))
    throw new RangeError(`Cannot profile ${images} of ${dataset.length} images`);
  const cuts = cutsOf(info, options.cuts);
  const header = { network: hexOf(info.modelHash), dataset: dataset.name, seed };
  const exits = new ExitRecorder(info.exits, images);
  const recorders = cuts.map((cut) => new CutRecorder(info, cut, codings, images));
  const profile = (): NetworkProfile => ({
    ...header,
    record: exits.record,
    cuts: recorders.map((recorder): ProfiledCut => recorder.profile(exits.record)),
  });
  if (previous && isSameRun(previous, profile())) {
    exits.add(previous.record);
    recorders.forEach((recorder, c) => {
      recorder.add(previous.cuts[c]!);
    });
  }
  if (exits.done < images) await run(model, dataset, info, { exits, recorders, seed, images, options });
  if (exits.done === 0) throw new SpinnError("Aborted", "Stopped before an image was profiled");
  if (exits.done < images && !signal?.aborted) throw new SpinnError("Runtime", "The profile is not complete");
  return profile();
}

interface Run {
  readonly exits: ExitRecorder;
  readonly recorders: readonly CutRecorder[];
  readonly seed: number;
  readonly images: number;
  readonly options: ProfileModelOptions;
}

async function run(model: ModelProto, dataset: Dataset, info: NetworkInfo, { exits, recorders, ...of }: Run) {
  const { signal, onProgress } = of.options;
  const { preprocessing, input } = info;
  if (!preprocessing)
    throw new SpinnError("UnsupportedModel", "The model does not say how an image becomes its input", {
      hint: "Build it with spinn build",
    });
  const order = imageOrder(dataset.length, of.seed, of.options.known).subarray(exits.done, of.images);
  const chosen = subset(dataset, order);
  const classOf = outputIndices(chosen, info.classes);
  const batchSize = takesOneImage(model) ? 1 : (of.options.batchSize ?? (isLarge(info) ? 4 : 32));
  const loader = createBatchLoader(chosen, { batchSize, preprocessing });
  const threads = of.options.threads ?? Math.min(4, availableParallelism());
  const sessions: Session[] = [];
  const open = async (from: readonly string[], to: readonly string[]): Promise<Session> => {
    const session = await createSession(sliceModel(model, { from, to }), { threads });
    sessions.push(session);
    return session;
  };
  try {
    const live = new Set(recorders.flatMap(({ cut }) => cut.tensors.map(({ name }) => name)));
    live.delete(input.name);
    const logits = info.exits.map(({ output }) => output);
    const trunk = await open([input.name], [...live, ...logits.filter((name) => !live.has(name))]);
    for (const recorder of recorders) await recorder.open(open);
    for (let step = 0; step < loader.stepsPerEpoch && !signal?.aborted; step++) {
      const { images, dims, labels } = await loader.batch(0, step);
      const right = Int32Array.from(labels, (label) => classOf[label]!);
      const values = { [input.name]: float32(images, dims) };
      const known = { ...values, ...(await trunk.run(values)) };
      for (const recorder of recorders) await recorder.batch(known, right);
      exits.batch(
        logits.map((name) => known[name]!.data as Float32Array),
        right,
      );
      onProgress?.({ done: exits.done, total: of.images });
    }
  } finally {
    for (const session of sessions) await session.release();
  }
}

function isLarge({ input }: NetworkInfo): boolean {
  return sizeOf(input.shape.slice(-2)) > 64 * 64;
}

function cutsOf(info: NetworkInfo, wanted: ProfileModelOptions["cuts"]): readonly CutPoint[] {
  if (wanted === undefined || typeof wanted === "number") return chooseCuts(info, wanted);
  for (const id of wanted)
    if (id === "none" || !info.cuts.some((cut) => cut.id === id))
      throw new RangeError(`The network has no cut ${JSON.stringify(id)} at which something is sent`);
  return info.cuts.filter(({ id }) => wanted.includes(id));
}

/** Are they of the same network, images, cuts and codings? */
function isSameRun(a: NetworkProfile, b: NetworkProfile): boolean {
  const shape = ({ network, dataset, seed, cuts }: NetworkProfile): string =>
    JSON.stringify([
      network,
      dataset,
      seed,
      cuts.map(({ id, widths }) => [id, widths.map(({ bits, codecs }) => [bits, codecs.map(({ codec }) => codec)])]),
    ]);
  return shape(a) === shape(b);
}

function takesOneImage(model: ModelProto): boolean {
  const [input] = indexGraph(graphOf(model)).inputs;
  return input !== undefined && declaredType(input)?.dims?.[0] === 1;
}
