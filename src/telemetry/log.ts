// Lines for whoever looks after a server: what happened, as words and as data. JSON for machines that collect them, one readable line
// for people.

import { pino } from "pino";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogLine {
  readonly level: LogLevel;
  /** One of a fixed set of names, to search for; lines of the same are said less often when there are many. */
  readonly event: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

export type Log = (line: LogLine) => void;

export type LogFormat = "json" | "human";

export interface LogOptions {
  readonly format: LogFormat;
  /** Less important lines are left out. */
  readonly level: LogLevel;
  /** Takes a line without its end. */
  readonly write: (line: string) => void;
  /** @default the time of day */
  readonly now?: () => Date;
}

export const logLevels: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export function createLog({ format, level, write, now = () => new Date() }: LogOptions): Log {
  const least = logLevels.indexOf(level);
  const say = format === "json" ? jsonLog(write, now) : humanLog(write, now);
  return (line) => {
    if (logLevels.indexOf(line.level) >= least) say(line);
  };
}

function jsonLog(write: (line: string) => void, now: () => Date): Log {
  const logger = pino(
    {
      level: "debug",
      base: null,
      timestamp: () => `,"time":"${now().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => write(line.trimEnd()) },
  );
  return ({ level, event, message, fields }) => logger[level]({ event, ...fields }, message);
}

function humanLog(write: (line: string) => void, now: () => Date): Log {
  return ({ level, message, fields = {} }) => {
    const time = now().toTimeString().slice(0, 8);
    const details = Object.entries(fields).map(([name, value]) => ` ${name}=${quoted(String(value))}`);
    write(`${time} ${level.padEnd(5)} ${message}${details.join("")}`);
  };
}

/** What a stranger says must not look like something else on a terminal. */
function quoted(text: string): string {
  if (/^[\w.:/@+[\]-]+$/.test(text)) return text;
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "?");
}
