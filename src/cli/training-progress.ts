// What a training run tells the terminal: a line that is redrawn while an epoch goes on, and one that stays after each.

import { appendFile } from "node:fs/promises";
import { SpinnError } from "../errors.ts";
import type { EpochRecord, RunOptions, TrainProgress } from "../generator/index.ts";
import { bar, duration, percent } from "./format.ts";
import type { Io } from "./io.ts";

/** Redraws no more often than this; a pipe gets a line no more often than PIPE_MS. */
const TERMINAL_MS = 200;
const PIPE_MS = 30_000;

/** @param logPath file that gets one JSON line an epoch */
export function trainingProgress(
  io: Io,
  epochs: number,
  logPath?: string,
): Required<Pick<RunOptions, "onProgress" | "onEpoch">> & { onPhase: (phase: string) => void } {
  let drawnAt = 0;
  let logged = Promise.resolve();
  return {
    onPhase: (phase) => io.err(phase),
    onProgress(p) {
      const now = performance.now();
      if (now - drawnAt < (io.isTerminal ? TERMINAL_MS : PIPE_MS)) return;
      drawnAt = now;
      if (io.isTerminal) io.status(progressLine(p));
      else io.err(progressLine(p));
    },
    onEpoch(record) {
      io.err(epochLine(record, epochs));
      // one after the other: short epochs would overtake each other
      if (logPath) logged = logged.then(() => append(io, logPath, record));
    },
  };
}

function progressLine(p: TrainProgress): string {
  const share = (p.epoch + p.step / p.stepsPerEpoch) / p.epochs;
  return (
    `epoch ${p.epoch + 1}/${p.epochs} ${bar(share, 16)} ${percent(share, 0)}  loss ${numbers(p.losses, 2)}  ` +
    `${p.imagesPerSecond.toFixed(0)} images/s  ${duration(p.secondsLeft)} left`
  );
}

function epochLine(r: EpochRecord, epochs: number): string {
  const heldOut = r.heldOutTop1
    ? `  held out ${numbers(
        r.heldOutTop1.map((v) => 100 * v),
        1,
      )} %`
    : "";
  const top1 = numbers(
    r.top1.map((v) => 100 * v),
    1,
  );
  return `epoch ${r.epoch}/${epochs}  ${duration(r.seconds)}  loss ${numbers(r.losses, 3)}  right ${top1} %${heldOut}`;
}

function numbers(values: readonly number[], digits: number): string {
  return values.map((v) => v.toFixed(digits)).join(" ");
}

async function append(io: Io, path: string, record: EpochRecord): Promise<void> {
  try {
    await appendFile(path, `${JSON.stringify(record)}\n`);
  } catch (cause) {
    // The log is a by-product: a full disk must not end hours of work.
    io.err(new SpinnError("FileAccess", `Cannot write the log ${path}`, { cause }).message);
  }
}
