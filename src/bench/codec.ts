// What does the codec save, at what speed, and at what price? Activations of real networks over real images, cut by cut, beside
// Blosc on the same data; then the accuracy that 8-bit quantization costs ResNet-56.

import { cutCandidates } from "../splitter/index.ts";
import { loadBlosc } from "./blosc.ts";
import { type AccuracyCase, accuracyThroughCodec } from "./codec-accuracy.ts";
import { NETWORKS, networkInputs, readNetwork, sampleCuts } from "./codec-networks.ts";
import { activationsAt, type CodecCase, type CodecFigures, measureCut, ROUNDS } from "./codec-speed.ts";
import { type BenchOptions, median, spread, writeReport } from "./report.ts";

const ACCURACY_IMAGES = 2000;
const ACCURACY_CUTS = 9;

/** `--all-cuts`: accuracy at every ReLU instead of some. `--no-accuracy`: sizes and speeds alone. */
export async function run(options: BenchOptions): Promise<void> {
  const blosc = await loadBlosc();
  if (!blosc) process.stderr.write("Without Blosc to compare with: npm install --no-save numcodecs\n");
  const cases: CodecCase[] = [];
  for (const network of NETWORKS) {
    const model = await readNetwork(network);
    const inputs = await networkInputs(network);
    for (const cut of sampleCuts(cutCandidates(model), network.cuts)) {
      const measured = await measureCut(network.model, cut, await activationsAt(model, cut, inputs), blosc);
      cases.push(measured);
      process.stderr.write(`${line(measured)}\n`);
    }
  }
  const accuracy = options.args.includes("--no-accuracy")
    ? []
    : await accuracyThroughCodec({
        cuts: options.args.includes("--all-cuts") ? Number.POSITIVE_INFINITY : ACCURACY_CUTS,
        images: ACCURACY_IMAGES,
        onCase: ({ model, cut, top1Drop }) =>
          process.stderr.write(`${model} ${cut}: ${top1Drop.toFixed(2)} points lost\n`),
      });
  await writeReport("codec", options, { ...findingsOf(cases, accuracy), document: { cases, accuracy } });
}

function findingsOf(cases: readonly CodecCase[], accuracy: readonly AccuracyCase[]) {
  const beside = cases.flatMap(({ ratio, blosc }) => (blosc ? [{ ratio, blosc }] : []));
  const speedups = beside.map(({ blosc }) => blosc.speedup);
  const result = {
    ...(beside.length > 0 && {
      worstRatioOverBlosc: Math.min(...beside.map(({ ratio, blosc }) => ratio / blosc.ratio)),
      worstSpeedupOverBlosc: Math.min(...speedups),
      medianSpeedupOverBlosc: median(speedups),
    }),
    medianRansOverLz4: median(cases.map((c) => c.rans.ratio / c.ratio)),
    worstRansOverEntropy: Math.min(...cases.map((c) => c.rans.ratio / c.entropyRatio)),
    medianRansOverEntropy: median(cases.map((c) => c.rans.ratio / c.entropyRatio)),
    ...(accuracy.length > 0 && { worstTop1Drop: Math.max(...accuracy.map(({ top1Drop }) => top1Drop)) }),
  };
  const settings = { rounds: ROUNDS, images: NETWORKS.map(({ images }) => images), accuracyImages: ACCURACY_IMAGES };
  const noise = beside.length > 0 && { speedupSpread: spread(speedups) };
  return { result, details: { ...settings, ...noise, cases, accuracy } };
}

function line({ model, cut, ratio, encodeMBps, decodeMBps, rans, blosc, entropyRatio }: CodecCase): string {
  const part = (f: CodecFigures): string =>
    `${f.ratio.toFixed(2)} ${f.encodeMBps.toFixed(0)}/${f.decodeMBps.toFixed(0)} MB/s`;
  const parts = [
    ...(blosc ? [`blosc ${part(blosc)}`] : []),
    `lz4 ${part({ ratio, encodeMBps, decodeMBps })}${blosc ? ` (${blosc.speedup.toFixed(2)}x)` : ""}`,
    `rans ${part(rans)}`,
    `entropy ${entropyRatio.toFixed(2)}`,
  ];
  return `${model} ${cut}: ${parts.join(" | ")}`;
}
