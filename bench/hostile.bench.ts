// Does a server survive its peers? A million damaged, mendacious, repeated and oversized messages while honest devices ask on:
// src/engine/cloud-connection.ts and everything below it.

import { parseArgs } from "node:util";
import { openCompute } from "../src/compute/index.ts";
import { attack } from "./hostile.ts";
import { type BenchOptions, writeReport } from "./report.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
/** Over a real WebSocket goes one message in so many. */
const WEB_SOCKET_SHARE = 50;

/** Understands `--frames N` (1 000 000) and `--seed N` (1). */
export async function run(options: BenchOptions): Promise<void> {
  const { values } = parseArgs({
    args: [...options.args],
    options: {
      frames: { type: "string", default: "1000000" },
      seed: { type: "string", default: "1" },
      json: { type: "boolean" },
      save: { type: "boolean" },
    },
  });
  const [frames, seed] = [Number(values.frames), Number(values.seed)];
  if (!(Number.isInteger(frames) && frames > 0)) throw new RangeError(`--frames cannot be ${values.frames}`);
  if (!(Number.isInteger(seed) && seed >= 0)) throw new RangeError(`--seed cannot be ${values.seed}`);
  const compute = await openCompute({ model: MODEL });
  const report = await attack({
    compute,
    frames,
    webSocketFrames: Math.floor(frames / WEB_SOCKET_SHARE),
    seed,
    onProgress: (sent) => {
      if (!options.json && sent % 10_000 === 0) process.stderr.write(`\r${sent} of ${frames} messages`);
    },
  });
  await compute.close();
  const { connections, framesPerSecond, unexplained, honest, rssGrowth, rssMiB, ...details } = report;
  if (!options.json) process.stderr.write(`\n${JSON.stringify(details, null, 2)}\n`);
  const faults = Object.values(details.serverFaults).reduce((sum, count) => sum + count, 0);
  const { right, wrong, busy, reconnects } = honest;
  const result = { frames, connections, framesPerSecond, unexplained, faults, rssGrowth, rssMiB };
  const honestly = { honestRight: right, honestWrong: wrong, honestBusy: busy, honestReconnects: reconnects };
  await writeReport("hostile", options, {
    result: { ...result, ...honestly },
    details: { seed, model: MODEL, ...details },
  });
}
