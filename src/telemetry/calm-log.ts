// A log that nobody can flood: of the same event so many lines are said in a while, the others are counted and told as one.

import { type Clock, systemClock } from "../engine/index.ts";
import type { Log, LogLine } from "./log.ts";

export interface CalmLogOptions {
  /** Lines of an event in a window. @default 5 */
  readonly burst?: number;
  /** @default 10 000 */
  readonly windowMs?: number;
  readonly clock?: Clock;
}

export interface CalmLog {
  readonly log: Log;
  /** Tells what was left out. */
  close(): void;
}

/** Lines for debugging are all let through. */
export function calmLog(log: Log, { burst = 5, windowMs = 10_000, clock = systemClock }: CalmLogOptions = {}): CalmLog {
  const windows = new Map<string, { said: number; last: LogLine; disarm(): void }>();
  const end = (event: string): void => {
    const window = windows.get(event);
    windows.delete(event);
    window?.disarm();
    const left = window && window.said - burst;
    if (!window || left === undefined || left <= 0) return;
    const { level, fields } = window.last;
    log({
      level,
      event,
      message: `${left} more like this in ${windowMs / 1000} s; the last:`,
      fields: { ...fields, repeated: left },
    });
  };
  return {
    log(line) {
      if (line.level === "debug") return log(line);
      const window = windows.get(line.event);
      if (!window)
        windows.set(line.event, { said: 1, last: line, disarm: clock.setTimer(() => end(line.event), windowMs) });
      else {
        window.said++;
        window.last = line;
      }
      if (!window || window.said <= burst) log(line);
    },
    close() {
      for (const event of [...windows.keys()]) end(event);
    },
  };
}
