// Does a process keep what it should give back? A straight line through its resident memory, fitted by least squares: single
// samples are up and down with the garbage collector.

export interface MemorySample {
  readonly atS: number;
  readonly bytes: number;
}

export interface MemoryTrend {
  readonly samples: number;
  /** The line at the end of the warm-up. */
  readonly startMiB: number;
  /** The line at the end. */
  readonly endMiB: number;
  readonly peakMiB: number;
  /** End over start: 1 when nothing is kept. */
  readonly growth: number;
}

const MIB = 2 ** 20;

/**
 * @param warmUpS samples before are left out
 * @throws {RangeError} unless there are three samples after the warm-up
 */
export function memoryTrend(samples: readonly MemorySample[], warmUpS: number): MemoryTrend {
  const used = samples.filter(({ atS }) => atS >= warmUpS);
  if (used.length < 3) throw new RangeError(`A trend takes three samples after the warm-up, not ${used.length}`);
  const mean = (of: (sample: MemorySample) => number): number =>
    used.reduce((sum, one) => sum + of(one), 0) / used.length;
  const meanS = mean(({ atS }) => atS);
  const meanBytes = mean(({ bytes }) => bytes);
  const squares = mean(({ atS }) => (atS - meanS) ** 2);
  const slope = squares > 0 ? mean(({ atS, bytes }) => (atS - meanS) * (bytes - meanBytes)) / squares : 0;
  const lineMiB = (atS: number): number => (meanBytes + slope * (atS - meanS)) / MIB;
  const [startMiB, endMiB] = [lineMiB(used[0]!.atS), lineMiB(used.at(-1)!.atS)];
  const peakMiB = Math.max(...used.map(({ bytes }) => bytes)) / MIB;
  return { samples: used.length, startMiB, endMiB, peakMiB, growth: endMiB / startMiB };
}
