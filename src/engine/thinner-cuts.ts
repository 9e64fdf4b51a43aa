// Where to stop instead of right at an exit when the device goes on anyway: every tensor between two slices is allocated and
// copied, and behind a wide layer there is often a narrow one.

import type { NetworkInfo } from "./network-info.ts";

/** So much of the whole network's multiply-adds may be computed in vain when the exit turns out to be confident. */
const MOST_AHEAD = 0.055;
/** Stopping further on must save so much of what is alive. */
const MOST_ALIVE = 0.6;

/** For the place of an early exit the cut further on with the least alive, not beyond the next exit; where that pays. */
export function thinnerCuts({ cuts, exits }: NetworkInfo): Map<string, string> {
  const total = cuts.at(-1)!.macsBefore;
  const found = new Map<string, string>();
  exits.slice(0, -1).forEach(({ at }, exit) => {
    const from = cuts.findIndex(({ id }) => id === at);
    const end = cuts.findIndex(({ id }) => id === exits[exit + 1]!.at);
    const here = cuts[from]!;
    let best = here;
    for (const cut of cuts.slice(from + 1, end)) {
      const isNear = cut.macsBefore - here.macsBefore <= MOST_AHEAD * total;
      // a cut inside a branch leaves out what the next exit needs of the others
      if (isNear && cut.tensors.length === 1 && cut.bytes < best.bytes) best = cut;
    }
    if (best.bytes <= MOST_ALIVE * here.bytes) found.set(at, best.id);
  });
  return found;
}
