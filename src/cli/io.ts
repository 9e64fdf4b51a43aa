// Where a command writes: results to standard output, everything about its own progress to standard error.

export interface Io {
  /** Results: a table for people, or with --json one document for scripts. */
  out(text: string): void;
  /** What is going on. */
  err(text: string): void;
  /** Redraws the last line of standard error, where that is a terminal; else says nothing. */
  status(text: string): void;
  readonly isTerminal: boolean;
}

export function processIo(): Io {
  const { stdout, stderr } = process;
  let drawn = false;
  const clear = (): void => {
    if (drawn) stderr.write("\r\x1b[2K");
    drawn = false;
  };
  return {
    isTerminal: stderr.isTTY === true,
    out(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    err(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    status(text) {
      if (!stderr.isTTY) return;
      clear();
      stderr.write(text.slice(0, Math.max(20, (stderr.columns ?? 80) - 1)));
      drawn = text !== "";
    },
  };
}
