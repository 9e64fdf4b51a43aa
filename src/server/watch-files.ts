// Looks after files that may change. It asks the file system from time to time, since not all of them tell (network file systems,
// volumes of containers), and waits until a file has stopped changing.

import { type Clock, systemClock } from "../engine/index.ts";
import { fileStamp } from "./file-stamp.ts";

export interface WatchOptions {
  /** Asked each time. */
  readonly paths: () => readonly string[];
  /** Something is not as it was, and has not changed for one interval. */
  readonly onChange: () => void;
  /** @default 1000 */
  readonly intervalMs?: number;
  readonly clock?: Clock;
  /** Differs when a file does; empty when there is none. @default inode, size and time of change */
  readonly stamp?: (path: string) => Promise<string>;
}

/** @returns stops watching */
export function watchFiles({
  paths,
  onChange,
  intervalMs = 1000,
  clock = systemClock,
  stamp = fileStamp,
}: WatchOptions): () => void {
  const told = new Map<string, string>();
  const seen = new Map<string, string>();
  let disarm = (): void => {};
  let isOver = false;
  const look = async (): Promise<void> => {
    const watched = paths();
    const stamps = await Promise.all(watched.map(stamp));
    let isChanged = false;
    for (const [i, path] of watched.entries()) {
      const now = stamps[i]!;
      const isSettled = now !== "" && seen.get(path) === now;
      // what is looked at for the first time has been read just now
      if (!told.has(path)) told.set(path, now);
      else if (isSettled && told.get(path) !== now) {
        told.set(path, now);
        isChanged = true;
      }
      seen.set(path, now);
    }
    if (isOver) return;
    if (isChanged) onChange();
    again();
  };
  const again = (): void => {
    disarm = clock.setTimer(() => void look(), intervalMs);
  };
  void look();
  return () => {
    isOver = true;
    disarm();
  };
}
