// Which of a network's many cuts are worth profiling: those that send less than any before them, those where exits stand, and
// between them as evenly spread over the computing as the number allows.

import type { CutPoint, NetworkInfo } from "../engine/network-info.ts";

/** A cut costs half a run of the network for each image and width. */
export const DEFAULT_CUTS = 20;

/**
 * In graph order, `input` first; `none` is not among them, as nothing is sent there. With fewer cuts than exits, exits give
 * way.
 *
 * @param count at least 1: `input`
 * @throws {RangeError} for less
 */
export function chooseCuts({ cuts, exits }: NetworkInfo, count: number = DEFAULT_CUTS): CutPoint[] {
  if (!(Number.isInteger(count) && count >= 1)) throw new RangeError(`Cannot profile ${count} cuts`);
  const places = new Set(exits.map(({ at }) => at));
  const open = cuts.filter(({ id, sparse }) => id !== "none" && (sparse || places.has(id)));
  const input = open[0]!;
  const chosen = new Set([input]);
  for (const rule of [(cut: CutPoint) => places.has(cut.id), sendsLess(open)])
    for (const cut of open) if (chosen.size < count && rule(cut)) chosen.add(cut);
  while (chosen.size < Math.min(count, open.length)) chosen.add(loneliest(open, chosen, cuts.at(-1)!.macsBefore));
  return open.filter((cut) => chosen.has(cut));
}

/** Whoever computes further and sends as much only loses time by it, as long as the device is the slower side. */
function sendsLess(open: readonly CutPoint[]): (cut: CutPoint) => boolean {
  let least = Number.POSITIVE_INFINITY;
  const useful = new Set(
    open.filter(({ bytes }) => {
      if (bytes >= least) return false;
      least = bytes;
      return true;
    }),
  );
  return (cut) => useful.has(cut);
}

/** The open cut that is furthest from any chosen one, and from the network's end. */
function loneliest(open: readonly CutPoint[], chosen: ReadonlySet<CutPoint>, total: number): CutPoint {
  const distance = (cut: CutPoint): number =>
    Math.min(total - cut.macsBefore, ...Array.from(chosen, ({ macsBefore }) => Math.abs(macsBefore - cut.macsBefore)));
  return open.filter((cut) => !chosen.has(cut)).reduce((best, cut) => (distance(cut) > distance(best) ? cut : best));
}
