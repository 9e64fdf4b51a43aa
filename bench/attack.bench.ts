// How long does an honest device wait while others attack the server's door? Server, attackers and the honest device share this
// machine, a process each: what is measured is an upper bound.

import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { encodePacket, encodeTensor } from "../src/codec/index.ts";
import { describeNetwork, type NetworkInfo } from "../src/engine/index.ts";
import { startServerProcess } from "../src/evaluate/index.ts";
import { readModelFile } from "../src/onnx/index.ts";
import { createRng } from "../src/random.ts";
import { sizeOf } from "../src/tensor.ts";
import { websocketDial } from "../src/transport/index.ts";
import { workerUrl } from "../src/worker-url.ts";
import type { AttackOrder } from "./attack-process.ts";
import { type AttackName, attackNames, type Outcomes } from "./attacks.ts";
import { Line } from "./hostile.ts";
import { type BenchOptions, median, writeReport } from "./report.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
const TOKEN = "honest-0123456789abcdef";
/** Of a client that has gone bad. */
const BAD_TOKEN = "mallory-0123456789abcdef";
/** Between two questions: an honest device does not ask as fast as it can. */
const PAUSE_MS = 10;

interface Finding {
  readonly attack: AttackName;
  /** Of the honest device, medians of the rounds. */
  readonly p95AloneMs: number;
  readonly p95Ms: number;
  readonly ratio: number;
  readonly outcomes: Outcomes;
}

/** Understands `--rounds N` (5), `--ms N` (2000), the length of a round's half, and `--only ATTACK`. */
export async function run(options: BenchOptions): Promise<void> {
  const { values } = parseArgs({
    args: [...options.args],
    options: {
      rounds: { type: "string", default: "5" },
      ms: { type: "string", default: "2000" },
      only: { type: "string", multiple: true, default: [...attackNames] },
      json: { type: "boolean" },
      save: { type: "boolean" },
    },
  });
  const [rounds, roundMs] = [Number(values.rounds), Number(values.ms)];
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new RangeError(`--rounds cannot be ${values.rounds}`);
  const unknown = values.only.find((name) => !attackNames.some((known) => known === name));
  if (unknown !== undefined) throw new RangeError(`--only cannot be ${unknown}`);
  if (!(roundMs > 0)) throw new RangeError(`--ms cannot be ${values.ms}`);
  const network = describeNetwork(await readModelFile(MODEL));
  const folder = await mkdtemp(join(tmpdir(), "spinn-attack-"));
  const clients = join(folder, "clients.json");
  await writeFile(
    clients,
    JSON.stringify([
      { name: "honest", token: TOKEN },
      { name: "mallory", token: BAD_TOKEN },
    ]),
  );
  let logLines = 0;
  const server = await startServerProcess({
    models: [MODEL],
    args: ["--tokens", clients, "--log", "json"],
    onLog: () => logLines++,
  });
  try {
    const { port } = server;
    const line = await Line.open(websocketDial(`ws://127.0.0.1:${port}`, { token: TOKEN }), network);
    const honest = new Honest(line, network);
    await honest.askFor(roundMs); // warm
    const findings: Finding[] = [];
    for (const attack of attackNames) {
      if (!values.only.includes(attack)) continue;
      const [alone, attacked, outcomes]: [number[], number[], Outcomes] = [[], [], {}];
      for (let round = 0; round < rounds; round++) {
        alone.push(await honest.askFor(roundMs));
        const stop = await startAttack({ attack, target: { port, network, token: BAD_TOKEN } });
        attacked.push(await honest.askFor(roundMs));
        for (const [what, count] of Object.entries(await stop())) outcomes[what] = (outcomes[what] ?? 0) + count;
      }
      const [p95AloneMs, p95Ms] = [median(alone), median(attacked)];
      findings.push({ attack, p95AloneMs, p95Ms, ratio: median(attacked.map((p95, i) => p95 / alone[i]!)), outcomes });
      if (!options.json) process.stderr.write(`${attack}: ${p95AloneMs.toFixed(2)} ms alone, ${p95Ms.toFixed(2)} ms\n`);
    }
    line.close();
    const worst = findings.toSorted((a, b) => b.ratio - a.ratio)[0]!;
    await writeReport("attack", options, {
      result: { worstRatio: worst.ratio, wrong: honest.wrong, logLines },
      details: { worstAttack: worst.attack, rounds, roundMs, findings },
    });
  } finally {
    await server.stop();
    await rm(folder, { recursive: true });
  }
}

/** Resolves when it has begun. @returns ends it, and tells what came of it */
async function startAttack(order: AttackOrder): Promise<() => Promise<Outcomes>> {
  const attacker = fork(fileURLToPath(workerUrl("./attack-process.ts", import.meta.url)), {
    // the hash of a network is bytes
    serialization: "advanced",
  });
  const begun = once(attacker, "message");
  attacker.send(order);
  await begun;
  return async () => {
    const heard = once(attacker, "message");
    attacker.send("stop");
    const [outcomes] = (await heard) as [Outcomes];
    return outcomes;
  };
}

/** Asks one question after the other, and knows the answer. */
class Honest {
  wrong = 0;
  readonly #line: Line;
  readonly #packet: Uint8Array;
  #id = 0;
  #label: number | undefined;

  constructor(line: Line, { modelHash, input }: NetworkInfo) {
    this.#line = line;
    const rng = createRng(1);
    const values = Float32Array.from({ length: sizeOf(input.shape) }, () => 4 * rng() - 2);
    const tensors = [encodeTensor({ ...input, values }, { codec: "float32" })];
    this.#packet = encodePacket({ modelHash, cut: "input", tensors });
  }

  /** @returns 95 % of the answers took no longer, in milliseconds */
  async askFor(ms: number): Promise<number> {
    const times: number[] = [];
    const untilMs = performance.now() + ms;
    while (performance.now() < untilMs) {
      const id = ++this.#id;
      const plan = { cut: "input", thresholds: [1], codec: "float32", bits: 32 } as const;
      const fromMs = performance.now();
      this.#line.say({ kind: "run", id, plan, wantsLogits: false, payload: { kind: "packet", bytes: this.#packet } });
      const reply = await this.#line.reply(id);
      if (reply?.kind !== "result") throw new Error(`The honest device was not answered: ${JSON.stringify(reply)}`);
      const { label } = reply;
      times.push(performance.now() - fromMs);
      this.#label ??= label;
      if (label !== this.#label) this.wrong++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    times.sort((a, b) => a - b);
    return times[Math.floor(0.95 * times.length)]!;
  }
}
