// Runs images through the network, one after the other, and beside it, if wanted, through what it is compared with.

import { type Signal, signal } from "@preact/signals";
import { isSpinnError, messageOf } from "../../src/errors.ts";
import type { Answered } from "../../src/evaluate/summarize.ts";
import type { InferenceResult, WebClient, WebImage } from "../../src/web/index.ts";
import type { Camera } from "./camera.ts";
import type { Gallery, Picture } from "./gallery.ts";
import type { Journal } from "./journal.ts";
import { type Rival, rivalPlan, rivals } from "./rivals.ts";
import type { Session } from "./session.ts";

export type Contestant = "spinn" | Rival;

export interface Shot {
  readonly id: number;
  /** Since 1970. */
  readonly atMs: number;
  /** Absent for the camera. */
  readonly picture?: Picture;
  readonly result: InferenceResult;
  /** What the plan of the moment promised; absent where nobody had asked it to. */
  readonly expectedMs?: number;
}

/** What a contestant made of the images that all were given; undefined where there was no answer. */
export type Score = readonly (Answered | undefined)[];

/** Of the charts: two minutes at the usual pace. */
const KEPT = 600;
/** Of the comparison. */
const COMPARED = 200;
/** Nobody looks at a page for longer. */
const DEADLINE_MS = 5000;

const noScores: Readonly<Record<Contestant, Score>> = {
  spinn: [],
  "device-only": [],
  "server-only": [],
};

export class Runner {
  /** The latest last. */
  readonly shots: Signal<readonly Shot[]> = signal<readonly Shot[]>([]);
  readonly isRunning: Signal<boolean> = signal(false);
  /** Images a second, at most. */
  readonly pace: Signal<number> = signal(5);
  readonly compares: Signal<boolean> = signal(false);
  readonly scores: Signal<Readonly<Record<Contestant, Score>>> = signal(noScores);
  /** Does every image of the comparison have a known class? */
  readonly knowsAll: Signal<boolean> = signal(true);
  readonly #session: Session;
  readonly #gallery: Gallery;
  readonly #camera: Camera;
  readonly #journal: Journal;
  #lastId = 0;
  /** One image at a time: the next waits for it. */
  #turn: Promise<void> = Promise.resolve();

  constructor(session: Session, gallery: Gallery, camera: Camera, journal: Journal) {
    this.#session = session;
    this.#gallery = gallery;
    this.#camera = camera;
    this.#journal = journal;
  }

  /** The picture that is chosen, or what the camera sees. */
  once(): Promise<void> {
    const run = this.#turn.then(() => this.#run());
    this.#turn = run;
    return run;
  }

  async start(): Promise<void> {
    if (this.isRunning.value) return;
    this.isRunning.value = true;
    while (this.isRunning.value) {
      const fromMs = performance.now();
      await this.once();
      await pause(Math.max(1, fromMs + 1000 / this.pace.value - performance.now()));
      if (this.isRunning.value && !this.#camera.stream.value) this.#gallery.next();
    }
  }

  stop(): void {
    this.isRunning.value = false;
  }

  clearScores(): void {
    this.scores.value = noScores;
    this.knowsAll.value = true;
  }

  async #run(): Promise<void> {
    const client = this.#session.client.value;
    const picture = this.#camera.stream.value ? undefined : this.#gallery.current.value;
    if (!client || !(picture || this.#camera.stream.value)) return;
    try {
      const image = await this.#imageOf(picture);
      const result = await client.infer(image, { deadlineMs: DEADLINE_MS });
      const expectedMs = client.expected?.latency.mean;
      const shot: Shot = {
        id: ++this.#lastId,
        atMs: Date.now(),
        result,
        ...(picture && { picture }),
        ...(expectedMs !== undefined && { expectedMs }),
      };
      this.shots.value = [...this.shots.value.slice(-KEPT + 1), shot];
      if (this.compares.value) await this.#compare(client, image, shot);
    } catch (error) {
      this.#journal.note("image", messageOf(error), "bad");
      // what cannot be read will not be readable the next time
      if (isSpinnError(error, "InvalidData")) this.stop();
    }
  }

  /** All contestants run the same pixels. */
  async #imageOf(picture: Picture | undefined): Promise<WebImage> {
    if (picture) return await this.#gallery.blobOf(picture);
    const { video } = this.#camera;
    const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    canvas.getContext("2d")?.drawImage(video, 0, 0);
    return canvas;
  }

  async #compare(client: WebClient, image: WebImage, { result, picture }: Shot): Promise<void> {
    const results: Partial<Record<Contestant, InferenceResult>> = { spinn: result };
    for (const rival of rivals) {
      const plan = rivalPlan(rival, client.network);
      const options = { plan, isProbe: true, deadlineMs: DEADLINE_MS };
      const answer = await client.infer(image, options).catch(() => undefined);
      // who has no device of his own has no answer when the device gives it
      if (answer && !(rival === "server-only" && answer.source === "device")) results[rival] = answer;
    }
    const label = picture?.label;
    if (label === undefined) this.knowsAll.value = false;
    const { value } = this.scores;
    this.scores.value = {
      spinn: added(value.spinn, results.spinn, label),
      "device-only": added(value["device-only"], results["device-only"], label),
      "server-only": added(value["server-only"], results["server-only"], label),
    };
  }
}

function added(score: Score, result: InferenceResult | undefined, label: string | undefined): Score {
  return [...score.slice(-COMPARED + 1), result && answered(result, label)];
}

/** @param label what is in the image, where somebody knows */
export function answered(result: InferenceResult, label: string | undefined): Answered {
  const { exit, source, timings, bytesUp } = result;
  return {
    correct: result.label === label,
    exit,
    source,
    latencyMs: timings.totalMs,
    deviceMs: timings.deviceMs + timings.packMs,
    serverMs: timings.serverMs,
    bytesUp,
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
