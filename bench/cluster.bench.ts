// What does serving past one machine cost, and does it lose anything? Real processes on a real nats-server: a gateway beside a server
// that is dialled directly, 1, 2 and 4 workers, and workers that are killed and added under load.

import { parseArgs } from "node:util";
import { describeNetwork } from "../src/engine/index.ts";
import { readModelFile } from "../src/onnx/index.ts";
import { Asker } from "./cluster-asker.ts";
import { Processes } from "./cluster-processes.ts";
import { type BenchOptions, median, spread, writeReport } from "./report.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
const DEVICES = 8;

/** Understands `--pairs N` (1000, requests to each of gateway and server), `--seconds N` (10, each phase) and `--kills N` (6). */
export async function run(options: BenchOptions): Promise<void> {
  const { values } = parseArgs({
    args: [...options.args],
    options: {
      pairs: { type: "string", default: "1000" },
      seconds: { type: "string", default: "10" },
      kills: { type: "string", default: "6" },
      json: { type: "boolean" },
      save: { type: "boolean" },
    },
  });
  const [pairs, seconds, kills] = [Number(values.pairs), Number(values.seconds), Number(values.kills)];
  for (const [name, value] of Object.entries({ pairs, seconds, kills }))
    if (!(Number.isInteger(value) && value > 0)) throw new RangeError(`--${name} cannot be ${value}`);
  const say = (line: string): void => void (options.json || process.stderr.write(`${line}\n`));
  const network = describeNetwork(await readModelFile(MODEL));
  const processes = await Processes.start(MODEL);
  try {
    // the same request to both, in turn: what disturbs one disturbs the other
    await processes.addWorker();
    const direct = await Asker.dial(await processes.server(), network);
    const remote = await Asker.dial(processes.gatewayUrl, network);
    const [directMs, gatewayMs]: [number[], number[]] = [[], []];
    for (let i = 0; i < 100; i++) await Promise.all([direct.ask(), remote.ask()]);
    for (let i = 0; i < pairs; i++) {
      directMs.push(await direct.ask());
      gatewayMs.push(await remote.ask());
    }
    direct.close();
    remote.close();
    await processes.stopServer();
    const addedMs = median(gatewayMs) - median(directMs);
    say(`gateway adds ${addedMs.toFixed(3)} ms (${median(directMs).toFixed(3)} -> ${median(gatewayMs).toFixed(3)})`);

    const askers = await Promise.all(Array.from({ length: DEVICES }, () => Asker.dial(processes.gatewayUrl, network)));
    const perSecond: Record<string, number> = {};
    for (const workers of [1, 2, 4]) {
      while (processes.workers < workers) await processes.addWorker();
      const load = askers.map((asker) => asker.askFor(1000 * seconds));
      perSecond[workers] = sum((await Promise.all(load)).map(({ answered }) => answered)) / seconds;
      say(`${workers} workers: ${perSecond[workers]!.toFixed(0)} requests/s`);
    }

    const until = new AbortController();
    const churn = askers.map((asker) => asker.askFor(Number.POSITIVE_INFINITY, until.signal));
    for (let i = 0; i < kills; i++) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      await processes.killWorker();
      say(`killed a worker (${i + 1} of ${kills}), adding another`);
      await processes.addWorker();
    }
    until.abort();
    const outcomes = await Promise.all(churn);
    const answered = sum(outcomes.map((one) => one.answered));
    const refused = sum(outcomes.map((one) => one.refused));
    const slowestMs = Math.max(...outcomes.map((one) => one.slowestMs));
    for (const asker of askers) asker.close();
    const result = {
      gatewayAddsMs: addedMs,
      directMs: median(directMs),
      gatewayMs: median(gatewayMs),
      perSecond1: perSecond[1]!,
      perSecond2: perSecond[2]!,
      perSecond4: perSecond[4]!,
      kills,
      answeredUnderKills: answered,
      lostUnderKills: sum(outcomes.map(({ asked }) => asked)) - answered - refused,
      refusedUnderKills: refused,
      slowestUnderKillsMs: slowestMs,
    };
    const details = {
      model: MODEL,
      devices: DEVICES,
      pairs,
      seconds,
      direct: spread(directMs),
      gateway: spread(gatewayMs),
    };
    await writeReport("cluster", options, { result, details });
  } finally {
    await processes.close();
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
