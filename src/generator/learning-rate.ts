// Learning rate against training progress.

export type LearningRateSchedule =
  /** Linear warm-up, then half a cosine down to zero. */
  | { readonly kind: "cosine"; readonly peak: number; readonly warmupEpochs: number }
  /** `peak`, divided by 10 at each of `milestones`, given as epochs (SDN's recipe: 100 epochs, 35, 60, 85). */
  | { readonly kind: "steps"; readonly peak: number; readonly milestones: readonly number[] };

/** @param epoch progress in epochs, fractional, in [0, epochs) */
export function learningRateAt(schedule: LearningRateSchedule, epoch: number, epochs: number): number {
  if (schedule.kind === "steps") return schedule.peak * 0.1 ** schedule.milestones.filter((m) => epoch >= m).length;
  const { peak, warmupEpochs } = schedule;
  if (epoch < warmupEpochs) return (peak * epoch) / warmupEpochs;
  return 0.5 * peak * (1 + Math.cos((Math.PI * (epoch - warmupEpochs)) / (epochs - warmupEpochs)));
}
