// Where the early exits go: the tensors nearest to given fractions of the trunk's multiply-adds (SPINN: six exits,
// equidistant in FLOPs). Heads are not counted here, since they come after the choice.

import { SpinnError } from "../errors.ts";

/** A tensor that an exit could read: the only one alive once it is known, as `articulationPoints()` lists them. */
export interface ExitCandidate {
  readonly name: string;
  readonly shape: readonly number[];
  /** Multiply-adds to get there. */
  readonly macsBefore: number;
}

export interface ExitPlace extends ExitCandidate {
  /** The fraction of the trunk's multiply-adds that was asked for. */
  readonly wanted: number;
}

/** The paper's six. */
export const defaultFractions: readonly number[] = [0.15, 0.3, 0.45, 0.6, 0.75, 0.9];

/**
 * One place for every fraction, in order. All are distinct in cost, and the sum of their distances to the fractions is
 * the smallest there is: without a collision each is simply the nearest. Of two equally good places the deeper one is
 * taken; of several tensors at one cost (Conv, BatchNormalization, Relu, pooling) the last. Only maps [N, C, H, W] with
 * work before and behind them are candidates.
 *
 * @param candidates in graph order
 * @param trunkMacs multiply-adds of the whole trunk
 * @throws {RangeError} when the fractions do not rise inside (0, 1)
 * @throws {SpinnError} UnsupportedModel when there are fewer places than fractions
 */
export function placeExits(
  candidates: readonly ExitCandidate[],
  trunkMacs: number,
  fractions: readonly number[] = defaultFractions,
): ExitPlace[] {
  if (fractions.length === 0 || fractions.some((f, i) => !(f > (fractions[i - 1] ?? 0) && f < 1)))
    throw new RangeError(`Fractions must rise inside (0, 1), not ${fractions.join(", ")}`);
  const lastAtCost = new Map<number, ExitCandidate>();
  for (const candidate of candidates) {
    const { shape, macsBefore } = candidate;
    if (shape.length === 4 && macsBefore > 0 && macsBefore < trunkMacs) lastAtCost.set(macsBefore, candidate);
  }
  const places = [...lastAtCost.values()].sort((a, b) => a.macsBefore - b.macsBefore);
  if (places.length < fractions.length) {
    throw new SpinnError(
      "UnsupportedModel",
      `The network has ${places.length} places where one tensor carries everything, for ${fractions.length} exits`,
      { hint: "Ask for fewer fractions" },
    );
  }
  const chosen = nearestRising(
    places.map((p) => p.macsBefore / trunkMacs),
    fractions,
  );
  return fractions.map((wanted, i) => ({ ...places[chosen[i]!]!, wanted }));
}

/** Rising indices into `positions`, one for each target, of least total distance, by dynamic programming. */
function nearestRising(positions: readonly number[], targets: readonly number[]): number[] {
  /** cheapest[j]: total distance with the target at hand at position j; from[i][j]: where target i - 1 then is. */
  let cheapest = positions.map((p) => Math.abs(p - targets[0]!));
  const from: number[][] = [[]];
  for (const target of targets.slice(1)) {
    const best = deepestMinimum(cheapest);
    from.push(best);
    const before = cheapest;
    cheapest = positions.map((p, j) => (j === 0 ? Infinity : before[best[j - 1]!]! + Math.abs(p - target)));
  }
  const chosen = [deepestMinimum(cheapest).at(-1)!];
  for (const best of from.slice(1).reverse()) chosen.unshift(best[chosen[0]! - 1]!);
  return chosen;
}

/** For every prefix of `costs`, where its smallest value is; of equal ones (up to rounding) the last. */
function deepestMinimum(costs: readonly number[]): number[] {
  let at = 0;
  return costs.map((cost, j) => {
    if (cost <= costs[at]! + 1e-12) at = j;
    return at;
  });
}
