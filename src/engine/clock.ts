// Time as an argument: engines ask this clock, so that tests can turn it by hand.

export interface Clock {
  /** Milliseconds from some fixed moment, never going back. */
  now(): number;
  /** Calls `run` once after `delayMs`. @returns takes it back; afterwards nothing happens */
  setTimer(run: () => void, delayMs: number): () => void;
}

/** Longest delay that `setTimeout` can count: beyond, it would not wait at all. */
const LONGEST_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(run, delayMs) {
    const timer = setTimeout(run, Math.min(delayMs, LONGEST_MS));
    return () => clearTimeout(timer);
  },
};
