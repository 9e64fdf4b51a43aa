// The main job, measured: devices and a server as processes of their own, an emulated link between them, real images; SPINN
// beside device-only and server-only on the same images, the same link and through the same outage of the server.

import type { SlaRequest } from "../client/index.ts";
import type { Plan } from "../engine/index.ts";
import type { Answer, DeviceRun } from "./device-run.ts";
import { runEmulatedDevice } from "./emulated-device.ts";
import { emulateLink } from "./link-emulator.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { type Summary, summarize } from "./summarize.ts";

export interface DemoOptions {
  readonly model: string;
  /** As for `openDataset`; the test split. */
  readonly data: string;
  /** Which of its images. */
  readonly images: readonly number[];
  /** How many exits the network has, the final one included. */
  readonly exits: number;
  /** As for `parseLink`. */
  readonly link: string;
  readonly slowdown: number;
  /** `auto`: the client chooses. */
  readonly cut: string;
  /** One for all exits; absent: chosen for the agreement. */
  readonly threshold?: number;
  readonly sla: SlaRequest;
  readonly continueLocally: DeviceRun["continueLocally"];
  /** Kill the server half-way and restart it? */
  readonly outage: boolean;
  readonly signal?: AbortSignal;
}

/** Plain JSON. */
export interface DemoResult extends Summary {
  readonly rivals: { readonly deviceOnly: Summary; readonly serverOnly: Summary };
  readonly outage: Outage;
}

/** Images of the SPINN device that were asked for while there was no server. */
export interface Outage {
  /** Number of images done when the server was killed, and when it was back. */
  readonly from: number;
  readonly to: number;
  readonly answered: number;
  readonly lost: number;
}

export type Policy = "spinn" | "deviceOnly" | "serverOnly";

export interface DemoEvents {
  /** All devices are ready; what the SPINN device is going to do. */
  started?(plan: Plan): void;
  /** The SPINN device has chosen another plan. */
  planned?(plan: Plan, imagesDone: number): void;
  /** An image is done. */
  progress?(done: Readonly<Record<Policy, number>>, serverUp: boolean): void;
  server?(up: boolean, imagesDone: number): void;
}

/** Server-only gives an image up after this long. */
export const PATIENCE_MS = 1000;
/** Device-only takes longest: its images are shared among so many phones, which work at the same time. */
export const DEVICE_ONLY_PHONES = 2;
/** The outage, as parts of the SPINN device's images. */
const KILLED_AT = 0.4;
const RESTARTED_AT = 0.6;

/** @throws {SpinnError} Runtime when server or devices cannot run; Usage for the link; Aborted */
export async function runDemo(options: DemoOptions, events: DemoEvents = {}): Promise<DemoResult> {
  const { model, images, exits, signal } = options;
  const server = await startServerProcess({ models: [model], args: ["--workers", "1"] });
  const answers: Record<Policy, Answer[]> = { spinn: [], deviceOnly: [], serverOnly: [] };
  const done: Record<Policy, number> = { spinn: 0, deviceOnly: 0, serverOnly: 0 };
  const outage = new OutageWatch(server, images.length, options.outage, events);
  const failure = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  const links: { close(): Promise<void> }[] = [];

  const devices = [
    ["spinn", spinnRun(options)] as const,
    ["serverOnly", serverOnlyRun(options)] as const,
    ...shares(images, DEVICE_ONLY_PHONES).map((share) => ["deviceOnly", deviceOnlyRun(options, share)] as const),
  ];
  const start = barrier(devices.length);
  try {
    const running = devices.map(async ([policy, run]) => {
      let withLink = run;
      if (run.server !== undefined) {
        // every device has a link of its own
        const link = await emulateLink({ target: { host: "127.0.0.1", port: server.port }, link: options.link });
        links.push(link);
        withLink = { ...run, server: link.url(run.server) };
      }
      const finished = (answered: boolean): void => {
        done[policy]++;
        if (policy === "spinn") outage.imageDone(answered);
        events.progress?.(done, server.running);
      };
      await runEmulatedDevice(
        withLink,
        {
          async ready(plan) {
            await start();
            if (policy === "spinn") events.started?.(plan);
          },
          plan(plan) {
            if (policy === "spinn") events.planned?.(plan, done.spinn);
          },
          answer(answer) {
            answers[policy].push(answer);
            finished(true);
          },
          lost: () => finished(false),
        },
        stop,
      );
    });
    // one failure ends them all, and the first one is told
    await Promise.all(running.map((one) => one.catch((error) => Promise.reject(fail(failure, error)))));
    await outage.settled();
  } finally {
    await Promise.all(links.map((link) => link.close()));
    await server.stop();
  }
  return {
    ...summarize(answers.spinn, images.length, exits),
    rivals: {
      deviceOnly: summarize(answers.deviceOnly, images.length, exits),
      serverOnly: summarize(answers.serverOnly, images.length, exits),
    },
    outage: outage.result,
  };
}

function fail(controller: AbortController, error: unknown): unknown {
  controller.abort();
  return error;
}

const base = ({ model, data, images, slowdown }: DemoOptions): Omit<DeviceRun, "plan" | "continueLocally"> => ({
  model,
  data,
  images,
  slowdown,
});

const SERVER = "ws://127.0.0.1";

function spinnRun(options: DemoOptions): DeviceRun {
  const { cut, threshold, sla, continueLocally } = options;
  const plan = { cut, codec: "auto", ...(threshold === undefined ? {} : { threshold }) } as const;
  return { ...base(options), server: SERVER, plan, sla, continueLocally };
}

/** The whole network on the device, without any early exit. */
function deviceOnlyRun(options: DemoOptions, images: readonly number[]): DeviceRun {
  return { ...base(options), images, plan: { cut: "none", threshold: noExits(options) }, continueLocally: "never" };
}

/** The whole network on the server, without any early exit; it gets 8-bit pixels, compressed. */
function serverOnlyRun(options: DemoOptions): DeviceRun {
  const plan = { cut: "input", threshold: noExits(options), codec: "lz4" } as const;
  return { ...base(options), server: SERVER, plan, continueLocally: "never", patienceMs: PATIENCE_MS };
}

/** Thresholds above 1: such an exit is not computed. The final one has the last word. */
function noExits({ exits }: DemoOptions): number[] {
  return Array.from({ length: exits }, (_, exit) => (exit === exits - 1 ? 0 : 2));
}

/** Every `count`-th image from the first, second, ... on. */
function shares(images: readonly number[], count: number): number[][] {
  return Array.from({ length: count }, (_, share) => images.filter((_, i) => i % count === share));
}

/** Resolves for everybody once `count` have come. */
function barrier(count: number): () => Promise<void> {
  let open = (): void => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  let come = 0;
  return () => {
    if (++come === count) open();
    return all;
  };
}

/** Kills the server when enough images are done, restarts it later, and remembers which images fell between. */
class OutageWatch {
  readonly #server: ServerProcess;
  readonly #killAt: number;
  readonly #restartAt: number;
  readonly #events: DemoEvents;
  /** Was the image answered? In the order in which they were done. */
  readonly #answered: boolean[] = [];
  #from = 0;
  #to = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(server: ServerProcess, images: number, wanted: boolean, events: DemoEvents) {
    this.#server = server;
    this.#killAt = wanted ? Math.round(KILLED_AT * images) : Number.POSITIVE_INFINITY;
    this.#restartAt = wanted ? Math.round(RESTARTED_AT * images) : Number.POSITIVE_INFINITY;
    this.#events = events;
  }

  imageDone(answered: boolean): void {
    const done = this.#answered.push(answered);
    if (done === this.#killAt) this.#then(() => this.#kill());
    if (done === this.#restartAt) this.#then(() => this.#restart());
  }

  async settled(): Promise<void> {
    await this.#work;
  }

  get result(): Outage {
    const between = this.#answered.slice(this.#from, this.#to);
    const answered = between.filter(Boolean).length;
    return { from: this.#from, to: this.#to, answered, lost: between.length - answered };
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work);
    this.#work.catch(() => undefined); // told by settled()
  }

  async #kill(): Promise<void> {
    await this.#server.kill();
    this.#from = this.#answered.length;
    this.#to = this.#from;
    this.#events.server?.(false, this.#from);
  }

  async #restart(): Promise<void> {
    await this.#server.start();
    this.#to = this.#answered.length;
    this.#events.server?.(true, this.#to);
  }
}
