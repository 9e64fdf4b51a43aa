// How long does a decision take, runners-up included? Spaces of three sizes, from the paper's kind to 100 000 designs; and what it
// costs on top to give each exit a threshold of its own. One core; medians.

import {
  type Conditions,
  compileSpace,
  parseSla,
  type ScheduleOptions,
  type Sla,
  type Space,
  schedule,
} from "../scheduler/index.ts";
import { syntheticProfile } from "../scheduler/synthetic-profile.ts";
import { type BenchOptions, median, spread, writeReport } from "./report.ts";

interface DecisionCase {
  readonly designs: number;
  /** Median. */
  readonly ms: number;
}

/** cuts, codecs, thresholds; `none` has no codec, so that designs are (1 + (cuts - 1) * codecs) * thresholds. */
const SPACES = [
  [21, 1, 96],
  [41, 2, 124],
  [34, 3, 1000],
] as const;
const ROUNDS = 101;
const WARM_UP = 30;
const IMAGES = 500;

/** All kinds of questions: a percentile as a bound and as a target, linear metrics, two targets with a tolerance. */
const sla: Sla = parseSla({
  require: ["latency.p95 <= 120ms", "accuracy >= 60%"],
  prefer: ["min server-cost within 5%", "min latency.p95"],
});

const link = { uplinkBps: 24e6, downlinkBps: 24e6, rttMs: 40, jitterMs: 3 };

export async function run(options: BenchOptions): Promise<void> {
  const cases: DecisionCase[] = [];
  const result: Record<string, number> = {};
  const details: Record<string, unknown> = { rounds: ROUNDS, images: IMAGES, sla };
  for (const [cuts, codecs, thresholds] of SPACES) {
    const names = ["float32", "lz4", "rans"].slice(0, codecs);
    const profile = syntheticProfile({ seed: 1, cuts, codecs: names, images: IMAGES });
    const policies = Array.from({ length: thresholds }, (_, i) => i / (thresholds - 1));
    const space = compileSpace(profile, { policies });
    const scan = measure(space, { perExit: false });
    const ms = median(scan);
    cases.push({ designs: space.designs, ms });
    result[`ms_${space.designs}`] = ms;
    details[`ms_${space.designs}`] = spread(scan);
    result[`msPerExit_${space.designs}`] = median(measure(space, {}));
  }
  await writeReport("scheduler", options, { result, details, document: { cases } });
}

function measure(space: Space, options: ScheduleOptions): number[] {
  const times: number[] = [];
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    // every round asks about a link of its own: nothing of the last answer can be used again
    const conditions: Conditions = { ...link, uplinkBps: 1e6 * (1 + ((round + WARM_UP) % 50)) };
    const started = performance.now();
    schedule(space, conditions, sla, options);
    if (round >= 0) times.push(performance.now() - started);
  }
  return times;
}
