// Which slice runs next, and for whom. A few requests at a time, the wave, go through the network together: the one that is furthest
// behind is run first, so that it meets the others; nobody waits for anybody who has not arrived yet. Pure.

export interface Waiting {
  readonly id: number;
  /** Where it stands: a number that grows through the network. */
  readonly at: number;
  /** Those of the same name can run together. */
  readonly slice: string;
  /** Since when it has been standing here. */
  readonly sinceMs: number;
  /** Infinite when there is none. */
  readonly deadlineAtMs: number;
  /** What it still takes at best. */
  readonly needMs: number;
  /** Others go first. */
  readonly yields?: boolean;
}

export interface BatchRules {
  /** How many images a slice takes at once, if there are as many. */
  size(slice: string): number;
  /** Whoever has stood so long in one place is not held back any longer. */
  readonly maxWaitMs: number;
}

export interface BatchPlan {
  /** Ids of those that run now, all of one slice. */
  readonly batch: readonly number[];
  /** Ids of those under way; for the next plan. */
  readonly wave: ReadonlySet<number>;
}

/** Whoever has no deadline, or a late one, is as urgent as one that had this from where it stands. */
const PATIENCE_MS = 1000;

/**
 * The wave is as large as the most company that any of the slices wants, but no more than half of those who are here: when few are,
 * waiting for company costs more than it saves. It is joined by whoever stands ahead of all of it, and
 * by anybody when half of it has left: a newcomer alone would be run alone until it had caught up. In the wave the furthest
 * behind goes first, but for those who cannot wait: of them the most urgent. All this among those who do not yield, if there are any.
 *
 * @param waiting in the order of their arrival; at least one
 * @param wave of the plan before
 */
export function planBatch(
  waiting: readonly Waiting[],
  wave: ReadonlySet<number>,
  rules: BatchRules,
  nowMs: number,
): BatchPlan {
  const first = waiting.filter(({ yields }) => !yields);
  return planAmong(first.length > 0 ? first : waiting, wave, rules, nowMs);
}

function planAmong(
  waiting: readonly Waiting[],
  wave: ReadonlySet<number>,
  rules: BatchRules,
  nowMs: number,
): BatchPlan {
  const queue = waiting.toSorted((a, b) => dueAtMs(a) - dueAtMs(b));
  const wanted = waiting.reduce((most, { slice }) => Math.max(most, rules.size(slice)), 1);
  const breadth = Math.min(wanted, Math.ceil(waiting.length / 2));
  const members = queue.filter(({ id }) => wave.has(id));
  const behind = Math.min(...members.map(({ at }) => at));
  const isOpen = members.length * 2 <= breadth;
  for (const one of queue) {
    if (members.length >= breadth) break;
    if (!wave.has(one.id) && (isOpen || one.at >= behind)) members.push(one);
  }
  const waveMs = members.reduce((sum, { needMs }) => sum + needMs, 0);
  const cannotWait = (one: Waiting): boolean => {
    if (dueAtMs(one) - nowMs - one.needMs < waveMs) return true;
    return nowMs - one.sinceMs >= rules.maxWaitMs && members.includes(one);
  };
  const hurried = queue.find(cannotWait);
  const first = hurried ?? members.reduce((a, b) => (b.at < a.at ? b : a));
  const company = [first, ...members, ...queue].filter(({ slice }) => slice === first.slice).map(({ id }) => id);
  const batch = [...new Set(company)].slice(0, rules.size(first.slice));
  return { batch, wave: new Set([...members.map(({ id }) => id), ...batch]) };
}

function dueAtMs({ deadlineAtMs, sinceMs }: Waiting): number {
  return Math.min(deadlineAtMs, sinceMs + PATIENCE_MS);
}
