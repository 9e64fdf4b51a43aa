// A space of designs under given conditions: every metric, computed when asked for. Means are linear in what the space holds;
// percentiles are of a mixture of normal times, one for each exit, and searched for only where a comparison does not do.

import { type Conditions, completeConditions } from "./conditions.ts";
import type { Expected } from "./design.ts";
import type { Metric } from "./metrics.ts";
import { normalCdf } from "./normal.ts";
import type { Timing } from "./profile.ts";
import type { Space } from "./space.ts";

/** One metric of all designs. Comparing is cheaper than computing. */
export interface Meter {
  value(design: number): number;
  atMost(design: number, bound: number): boolean;
  atLeast(design: number, bound: number): boolean;
}

/** Further than so many standard deviations there is nothing. */
const REACH = 6;
/** Of percentiles, relative. */
const PRECISION = 1e-7;

export class Evaluation {
  readonly space: Space;
  readonly conditions: Required<Conditions>;
  readonly #perByteMs: number;
  readonly #replyMs: number;
  /** Milliseconds for an image that stops at an exit, [rows, exits]: on each side, and altogether without what is sent. */
  readonly #device: Float64Array;
  readonly #server: Float64Array;
  readonly #fixed: Float64Array;
  readonly #variance: Float64Array;
  readonly #columns = new Map<Metric, Float64Array>();
  readonly #meters = new Map<Metric, Meter>();

  /** @throws {RangeError} for conditions that make no sense */
  constructor(space: Space, conditions: Conditions) {
    this.space = space;
    this.conditions = completeConditions(conditions);
    this.#perByteMs = 8000 / this.conditions.uplinkBps;
    this.#replyMs = ((space.profile.model.replyBytes ?? 64) * 8000) / this.conditions.downlinkBps;
    const size = space.pairs.length * space.asked.length * space.exits;
    this.#device = new Float64Array(size);
    this.#server = new Float64Array(size);
    this.#fixed = new Float64Array(size);
    this.#variance = new Float64Array(size);
    this.#fillRows();
  }

  meter(metric: Metric): Meter {
    let meter = this.#meters.get(metric);
    if (!meter) {
      const rank = percentiles[metric];
      meter = rank === undefined ? columnMeter(this.#column(metric)) : this.#percentileMeter(rank);
      this.#meters.set(metric, meter);
    }
    return meter;
  }

  expected(design: number): Expected {
    const { exits, share } = this.space;
    const read = (metric: Metric): number => this.meter(metric).value(design);
    return {
      latency: {
        mean: read("latency.mean"),
        p50: read("latency.p50"),
        p95: read("latency.p95"),
        p99: read("latency.p99"),
      },
      throughput: read("throughput"),
      serverCost: read("server-cost"),
      deviceCost: read("device-cost"),
      energy: read("energy"),
      accuracy: read("accuracy"),
      bytes: read("bytes"),
      robustness: read("robustness"),
      exitRates: Array.from(share.subarray(design * exits, (design + 1) * exits)),
    };
  }

  #fillRows(): void {
    const { profile, exits, pairs, asked } = this.space;
    const { model, device, server } = profile;
    const { rttMs, jitterMs, serverQueueMs } = this.conditions;
    const { prepareMs, deviceFactor, deviceSpread, packingFactor, serverFactor, serverSpread } = this.conditions;
    const standsAt = Array.from({ length: exits }, (_, exit) => model.cuts.findIndex((c) => c.exitsBefore > exit));
    const [onDevice, onServer] = [upTo(device.steps), upTo(server.steps)];
    for (const [s, flags] of asked.entries()) {
      const [deviceHeads, serverHeads] = [device, server].map(({ heads }) =>
        upTo(heads.map((head, exit) => (flags[exit] ? head : nothing))),
      ) as [Running, Running];
      for (const [p, { cut, codec }] of pairs.entries()) {
        const before = model.cuts[cut]!.exitsBefore;
        const packing = times(device.coding[cut]![codec] ?? nothing, packingFactor);
        const unpacking = server.coding[cut]![codec] ?? nothing;
        for (let exit = 0; exit < exits; exit++) {
          const at = (p * asked.length + s) * exits + exit;
          const remote = exit >= before;
          const stop = remote ? cut : standsAt[exit]!;
          const heads = remote ? before : exit + 1;
          const here = remote ? packing : nothing;
          const deviceMs = prepareMs + deviceFactor * (onDevice.mean[stop]! + deviceHeads.mean[heads]! + here.meanMs);
          const steady = onDevice.variance[stop]! + deviceHeads.variance[heads]! + here.spreadMs ** 2;
          this.#device[at] = deviceMs;
          this.#fixed[at] = deviceMs;
          this.#variance[at] = deviceFactor ** 2 * steady + (deviceMs * deviceSpread) ** 2;
          if (!remote) continue;
          const end = standsAt[exit]!;
          const serverMs =
            serverFactor *
            (unpacking.meanMs +
              (onServer.mean[end]! - onServer.mean[cut]!) +
              (serverHeads.mean[exit + 1]! - serverHeads.mean[before]!));
          const varied =
            unpacking.spreadMs ** 2 +
            (onServer.variance[end]! - onServer.variance[cut]!) +
            (serverHeads.variance[exit + 1]! - serverHeads.variance[before]!);
          this.#server[at] = serverMs;
          this.#fixed[at]! += serverMs + rttMs + serverQueueMs + this.#replyMs;
          this.#variance[at]! +=
            serverFactor ** 2 * varied + (serverMs * serverSpread) ** 2 + jitterMs ** 2 + serverQueueMs ** 2;
        }
      }
    }
  }

  #column(metric: Metric): Float64Array {
    let column = this.#columns.get(metric);
    if (!column) {
      column = this.#compute(metric);
      this.#columns.set(metric, column);
    }
    return column;
  }

  #compute(metric: Metric): Float64Array {
    const { designs, bytes, offloaded, accuracy, deviceAccuracy } = this.space;
    const { rttMs, serverQueueMs, serverFailureProbability: failing, power } = this.conditions;
    if (metric === "accuracy") return accuracy;
    if (metric === "bytes") return bytes;
    const column = new Float64Array(designs);
    if (metric === "robustness") {
      for (let d = 0; d < designs; d++) column[d] = (1 - failing) * accuracy[d]! + failing * deviceAccuracy[d]!;
      return column;
    }
    if (metric === "device-cost" || metric === "server-cost") {
      this.#sum(metric === "device-cost" ? this.#device : this.#server, column);
      return column;
    }
    const device = this.#column("device-cost");
    const server = this.#column("server-cost");
    const perByteMs = this.#perByteMs;
    if (metric === "throughput") {
      for (let d = 0; d < designs; d++) column[d] = 1000 / Math.max(device[d]!, server[d]!, bytes[d]! * perByteMs);
      return column;
    }
    const aloneMs = rttMs + serverQueueMs;
    if (metric === "energy") {
      const upW = power.uplinkW + power.uplinkWPerMbps * (this.conditions.uplinkBps / 1e6);
      const downW = power.downlinkW + power.downlinkWPerMbps * (this.conditions.downlinkBps / 1e6);
      const { computeW, waitW } = power;
      const trip = waitW * aloneMs + downW * this.#replyMs;
      for (let d = 0; d < designs; d++)
        column[d] = computeW * device[d]! + upW * bytes[d]! * perByteMs + waitW * server[d]! + trip * offloaded[d]!;
      return column;
    }
    const trip = aloneMs + this.#replyMs;
    for (let d = 0; d < designs; d++)
      column[d] = device[d]! + server[d]! + bytes[d]! * perByteMs + trip * offloaded[d]!;
    return column;
  }

  /** Over exits, time weighted by how many images stop there. */
  #sum(times: Float64Array, into: Float64Array): void {
    const { exits, share, rowOf } = this.space;
    for (let d = 0; d < into.length; d++) {
      let sum = 0;
      const at = d * exits;
      const row = rowOf[d]! * exits;
      for (let exit = 0; exit < exits; exit++) sum += share[at + exit]! * times[row + exit]!;
      into[d] = sum;
    }
  }

  /** Share of images that have their answer after `ms`. */
  #answeredBy(design: number, ms: number): number {
    const { exits, share, rowOf, sentMean, sentVariance } = this.space;
    const perByteMs = this.#perByteMs;
    const fixed = this.#fixed;
    const variances = this.#variance;
    const at = design * exits;
    const row = rowOf[design]! * exits;
    const perByteMsSquared = perByteMs * perByteMs;
    let sum = 0;
    for (let exit = 0; exit < exits; exit++) {
      const weight = share[at + exit]!;
      if (weight === 0) continue;
      const left = ms - fixed[row + exit]! - perByteMs * sentMean[at + exit]!;
      const variance = variances[row + exit]! + perByteMsSquared * sentVariance[at + exit]!;
      if (left * left >= REACH * REACH * variance) sum += left >= 0 ? weight : 0;
      else sum += weight * normalCdf(left / Math.sqrt(variance));
    }
    return sum;
  }

  /** To `PRECISION`, from above: a design is at most at its own percentile. */
  #percentile(design: number, rank: number): number {
    const { exits, share, rowOf, sentMean, sentVariance } = this.space;
    let low = Number.POSITIVE_INFINITY;
    let high = 0;
    for (let exit = 0; exit < exits; exit++) {
      const at = design * exits + exit;
      const row = rowOf[design]! * exits + exit;
      if (share[at]! === 0) continue;
      const mean = this.#fixed[row]! + this.#perByteMs * sentMean[at]!;
      const spread = Math.sqrt(this.#variance[row]! + this.#perByteMs ** 2 * sentVariance[at]!);
      low = Math.max(0, Math.min(low, mean - REACH * spread));
      high = Math.max(high, mean + REACH * spread);
    }
    high *= 1 + 1e-12; // rounding must not leave the last exit out
    // False position, an end that stays losing weight (Illinois); every third time bisection, for the gaps between exits.
    let below = -rank;
    let above = 1 - rank;
    let stayed = 0;
    for (let step = 1; high - low > PRECISION * high + 1e-12; step++) {
      const part = step % 3 === 0 ? 0.5 : -below / (above - below);
      const ms = low + Math.min(0.99, Math.max(0.01, part)) * (high - low);
      const surplus = this.#answeredBy(design, ms) - rank;
      if (surplus >= 0) {
        high = ms;
        above = surplus;
        stayed = stayed > 0 ? stayed + 1 : 1;
        if (stayed > 1) below /= 2;
      } else {
        low = ms;
        below = surplus;
        stayed = stayed < 0 ? stayed - 1 : -1;
        if (stayed < -1) above /= 2;
      }
    }
    return high;
  }

  #percentileMeter(rank: number): Meter {
    return {
      value: (design) => this.#percentile(design, rank),
      atMost: (design, bound) => this.#answeredBy(design, bound) >= rank,
      atLeast: (design, bound) => this.#answeredBy(design, bound * (1 - 2 * PRECISION)) < rank,
    };
  }
}

const percentiles: { readonly [M in Metric]?: number } = {
  "latency.p50": 0.5,
  "latency.p95": 0.95,
  "latency.p99": 0.99,
};

function columnMeter(column: Float64Array): Meter {
  return {
    value: (design) => column[design]!,
    atMost: (design, bound) => column[design]! <= bound,
    atLeast: (design, bound) => column[design]! >= bound,
  };
}

const nothing: Timing = { meanMs: 0, spreadMs: 0 };

const times = ({ meanMs, spreadMs }: Timing, factor: number): Timing => {
  return { meanMs: factor * meanMs, spreadMs: factor * spreadMs };
};

/** Sums of the first 0, 1, 2, … */
interface Running {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

function upTo(times: readonly Timing[]): Running {
  const mean = new Float64Array(times.length + 1);
  const variance = new Float64Array(times.length + 1);
  times.forEach(({ meanMs, spreadMs }, i) => {
    mean[i + 1] = mean[i]! + meanMs;
    variance[i + 1] = variance[i]! + spreadMs ** 2;
  });
  return { mean, variance };
}
