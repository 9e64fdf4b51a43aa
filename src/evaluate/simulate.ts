// Device, link and server as discrete events, from a profile: what a plan or a planner delivers, image by image, with queues,
// changing conditions and failures. For the experiments that would take days in real time; deterministic by its seed.

import { createRng, mixSeed, normal } from "../random.ts";
import type { Conditions, Plan, Profile } from "../scheduler/index.ts";
import { LinkModel } from "./link-model.ts";
import { type Duration, type Fate, fatesOf, plus } from "./simulate-fate.ts";
import { Agenda, type Job, Station } from "./simulate-station.ts";
import { createWorld, type Phase, type World } from "./simulate-world.ts";

export interface SimulateOptions {
  readonly profile: Profile;
  /** Which of the profile's images, in the order in which they come. */
  readonly images: ArrayLike<number>;
  /** What is true of device, link and server, and from when on. */
  readonly world: readonly Phase[];
  /** Asked before each image. */
  readonly planner: (nowMs: number, world: World) => Plan;
  readonly arrivals?: Arrivals;
  /** No further image comes from then on. @default when all have come */
  readonly untilMs?: number;
  /** Requests at once, beside whatever `serverQueueMs` stands for. @default 1 */
  readonly serverWorkers?: number;
  readonly failures?: Failures;
  readonly seed: number;
}

export type Arrivals =
  /** The next image comes when one of so many has its answer. @default 1 */
  | { readonly kind: "closed"; readonly inFlight: number }
  /** Images come at random (Poisson), on average at this distance. */
  | { readonly kind: "open"; readonly everyMs: number };

export interface Failures {
  /** Of each request, that the server does not answer it. */
  readonly probability: number;
  /** The device learns of it so long after handing over. */
  readonly noticedAfterMs: number;
  /**
   * What it does: `lose` the image, as who has no exit before the cut; answer with the best exit `so-far`; `go-on` by itself
   * from then on; or, with `hedge`, go on by itself after every handing over, and take the first answer.
   */
  readonly response: "lose" | "so-far" | "go-on" | "hedge";
}

export interface SimulatedAnswer {
  readonly image: number;
  /** `nobody`: the image was lost. */
  readonly source: "device" | "server" | "nobody";
  readonly exit: number;
  readonly correct: boolean;
  readonly plan: Plan;
  /** When the image came. */
  readonly startedMs: number;
  readonly latencyMs: number;
  /** Computing on either side. */
  readonly deviceMs: number;
  readonly serverMs: number;
  readonly bytesUp: number;
  /** Millijoules on the device. */
  readonly energyMj: number;
}

export interface Simulation {
  /** In the order in which they were given. */
  readonly answers: readonly SimulatedAnswer[];
  /** From the first image to the last answer. */
  readonly tookMs: number;
}

/** @throws {RangeError} for a world or plan that makes no sense */
export function simulate(options: SimulateOptions): Simulation {
  return new Run(options).result();
}

/** An image under way. */
interface Passenger {
  readonly image: number;
  readonly plan: Plan;
  readonly fate: Fate;
  readonly startedMs: number;
  deviceMs: number;
  serverMs: number;
  bytesUp: number;
  energyMj: number;
  isDone: boolean;
  /** The device's own way to an answer, while the server's is awaited. */
  own?: Job;
}

class Run {
  readonly #options: SimulateOptions;
  readonly #world: World;
  readonly #agenda = new Agenda();
  readonly #device = new Station(this.#agenda, 1);
  readonly #server: Station;
  readonly #uplink: LinkModel;
  readonly #fates = new Map<Plan, (image: number) => Fate>();
  readonly #answers: SimulatedAnswer[] = [];
  readonly #rng;
  #begun = 0;

  constructor(options: SimulateOptions) {
    this.#options = options;
    this.#world = createWorld(options.world);
    this.#server = new Station(this.#agenda, options.serverWorkers ?? 1);
    this.#rng = createRng(mixSeed(options.seed, 0x51a));
    this.#uplink = new LinkModel({ capacity: this.#world.uplink, latencyMs: 0, jitterMs: 0 }, this.#rng);
  }

  result(): Simulation {
    const { arrivals = { kind: "closed", inFlight: 1 }, images } = this.#options;
    if (arrivals.kind === "closed") for (let i = 0; i < arrivals.inFlight; i++) this.#agenda.at(0, () => this.#begin());
    else {
      let atMs = 0;
      for (let i = 0; i < images.length; i++) {
        this.#agenda.at(atMs, () => this.#begin());
        atMs -= arrivals.everyMs * Math.log(1 - this.#rng());
      }
    }
    this.#agenda.run();
    const tookMs = this.#answers.reduce((last, { startedMs, latencyMs }) => Math.max(last, startedMs + latencyMs), 0);
    return { answers: this.#answers, tookMs };
  }

  /** The next image, if there is one left. */
  #begin(): void {
    const { images, planner, profile, failures, untilMs = Number.POSITIVE_INFINITY } = this.#options;
    const { nowMs } = this.#agenda;
    if (this.#begun >= images.length || nowMs >= untilMs) return;
    const number = this.#begun++;
    const plan = planner(nowMs, this.#world);
    const fateOf = this.#fates.get(plan) ?? fatesOf(profile, plan);
    this.#fates.set(plan, fateOf);
    const image = images[number]!;
    const passenger: Passenger = {
      ...{ image, plan, fate: fateOf(image), startedMs: nowMs },
      ...{ deviceMs: 0, serverMs: 0, bytesUp: 0, energyMj: 0, isDone: false },
    };
    const { fate } = passenger;
    const { packingFactor, prepareMs } = this.#world.at(nowMs);
    const work = plus(fate.device, scaled(fate.packing, packingFactor));
    this.#compute(passenger, work, prepareMs, () => {
      if (fate.stays) this.#finish(passenger, number, "device", fate);
      else {
        const fails = failures !== undefined && this.#rng() < failures.probability;
        this.#handOver(passenger, number, fails);
      }
    });
  }

  /** @param beforeMs not multiplied */
  #compute(passenger: Passenger, duration: Duration, beforeMs: number, done: () => void): Job {
    const { deviceFactor, deviceSpread, power } = this.#world.at(this.#agenda.nowMs);
    const ms = beforeMs + this.#draw(duration, deviceFactor, deviceSpread);
    const job = this.#device.add(ms, () => {
      spend(ms);
      done();
    });
    const spend = (ranMs: number): void => {
      passenger.deviceMs += ranMs;
      passenger.energyMj += power.computeW * ranMs;
    };
    return {
      cancel: () => {
        const ranMs = job.cancel();
        spend(ranMs);
        return ranMs;
      },
    };
  }

  #handOver(passenger: Passenger, number: number, fails: boolean): void {
    const { failures } = this.#options;
    const { fate } = passenger;
    const { nowMs } = this.#agenda;
    const { leavesMs } = this.#uplink.pass(nowMs, fate.bytes);
    const conditions = this.#world.at(leavesMs);
    passenger.bytesUp = fate.bytes;
    // alone on the link a message takes as long as its bytes; waiting for others before it costs no power
    passenger.energyMj += perMbps(conditions, "uplink") * ((fate.bytes * 8000) / conditions.uplinkBps);
    if (failures?.response === "hedge") this.#goOn(passenger, number);
    if (!fails) {
      this.#agenda.at(leavesMs, () => this.#serve(passenger, number, conditions));
      return;
    }
    const { noticedAfterMs, response } = failures!;
    this.#agenda.at(nowMs + noticedAfterMs, () => {
      passenger.energyMj += conditions.power.waitW * noticedAfterMs;
      if (response === "lose") this.#finish(passenger, number, "nobody", { exit: fate.exit, correct: false });
      else if (response === "so-far" && fate.bestSoFar) this.#finish(passenger, number, "device", fate.bestSoFar);
      else if (response !== "hedge") this.#goOn(passenger, number);
    });
  }

  /** From the last byte's leaving the device to the answer's arrival. */
  #serve(passenger: Passenger, number: number, conditions: Required<Conditions>): void {
    const { serverFactor, serverSpread, serverQueueMs, rttMs, jitterMs, downlinkBps, power } = conditions;
    const { profile } = this.#options;
    const { fate } = passenger;
    const leftMs = this.#agenda.nowMs;
    const waitMs = serverQueueMs === 0 ? 0 : -serverQueueMs * Math.log(1 - this.#rng());
    const serverMs = this.#draw(fate.server, serverFactor, serverSpread);
    const replyMs = ((profile.model.replyBytes ?? 64) * 8000) / downlinkBps;
    const lateMs = jitterMs === 0 ? 0 : Math.max(-rttMs, jitterMs * normal(this.#rng));
    this.#agenda.at(leftMs + rttMs / 2 + waitMs, () => {
      this.#server.add(serverMs, () => {
        passenger.serverMs = serverMs;
        const backMs = Math.max(0, rttMs / 2 + lateMs) + replyMs;
        this.#agenda.at(this.#agenda.nowMs + backMs, () => {
          const awaitedMs = this.#agenda.nowMs - leftMs - replyMs;
          passenger.energyMj += power.waitW * awaitedMs + perMbps(conditions, "downlink") * replyMs;
          this.#finish(passenger, number, "server", fate);
        });
      });
    });
  }

  /** The device computes the rest itself. */
  #goOn(passenger: Passenger, number: number): void {
    const { alone } = passenger.fate;
    passenger.own = this.#compute(passenger, alone.device, 0, () => this.#finish(passenger, number, "device", alone));
  }

  #finish(
    passenger: Passenger,
    number: number,
    source: SimulatedAnswer["source"],
    { exit, correct }: { readonly exit: number; readonly correct: boolean },
  ): void {
    if (passenger.isDone) return;
    passenger.isDone = true;
    passenger.own?.cancel();
    const { image, plan, startedMs, deviceMs, serverMs, bytesUp, energyMj } = passenger;
    const latencyMs = this.#agenda.nowMs - startedMs;
    this.#answers[number] = {
      ...{ image, source, exit, correct, plan, startedMs, latencyMs },
      ...{ deviceMs, serverMs, bytesUp, energyMj },
    };
    if (this.#options.arrivals?.kind !== "open") this.#begin();
  }

  #draw({ meanMs, variance }: Duration, factor: number, spread: number): number {
    const ms = factor * meanMs;
    const deviation = Math.sqrt(factor ** 2 * variance + (ms * spread) ** 2);
    return deviation === 0 ? ms : Math.max(0, ms + deviation * normal(this.#rng));
  }
}

function scaled({ meanMs, variance }: Duration, factor: number): Duration {
  return { meanMs: factor * meanMs, variance: factor ** 2 * variance };
}

/** Watts of the radio at work. */
function perMbps(conditions: Required<Conditions>, direction: "uplink" | "downlink"): number {
  const { power, uplinkBps, downlinkBps } = conditions;
  if (direction === "uplink") return power.uplinkW + power.uplinkWPerMbps * (uplinkBps / 1e6);
  return power.downlinkW + power.downlinkWPerMbps * (downlinkBps / 1e6);
}
