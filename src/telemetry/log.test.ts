import { expect, test } from "vitest";
import { TurnedClock } from "../../test/turned-clock.ts";
import { calmLog } from "./calm-log.ts";
import { createLog, type LogFormat, type LogLevel, type LogLine } from "./log.ts";
import { logEvents } from "./log-events.ts";

function written(format: LogFormat, level: LogLevel, ...lines: readonly LogLine[]): string[] {
  const out: string[] = [];
  const log = createLog({ format, level, write: (line) => out.push(line), now: () => new Date(2026, 0, 2, 3, 4, 5) });
  for (const line of lines) log(line);
  return out;
}

const line = (level: LogLevel, fields?: LogLine["fields"]): LogLine => {
  return { level, event: "test", message: "a test", ...(fields && { fields }) };
};

test("JSON: one document a line, with time, level, event and fields", () => {
  const [text] = written("json", "info", line("warn", { peer: "1.2.3.4", ms: 7, agent: 'a"b\nc' }));
  expect(text).not.toContain("\n");
  expect(JSON.parse(text!)).toEqual({
    level: "warn",
    time: new Date(2026, 0, 2, 3, 4, 5).toISOString(),
    event: "test",
    peer: "1.2.3.4",
    ms: 7,
    agent: 'a"b\nc',
    msg: "a test",
  });
});

test("people read a line; what strangers say cannot look like something else", () => {
  expect(written("human", "info", line("warn", { peer: "[::1]:80", agent: "x\u001b[2J\n\u009b1mroot" }))).toEqual([
    '03:04:05 warn  a test peer=[::1]:80 agent="x\\u001b[2J\\n?1mroot"',
  ]);
});

test.each(["json", "human"] as const)("%s: less important lines are left out", (format) => {
  expect(written(format, "warn", line("debug"), line("info"), line("warn"), line("error"))).toHaveLength(2);
});

test("many lines of an event become few, and the rest is counted; other events and debugging are not held up", () => {
  const clock = new TurnedClock();
  const said: LogLine[] = [];
  const { log, close } = calmLog((one) => said.push(one), { burst: 2, windowMs: 1000, clock });
  for (let i = 0; i < 10; i++) log(line("warn", { i }));
  for (let i = 0; i < 3; i++) log({ ...line("debug"), event: "run" });
  log({ ...line("info"), event: "other" });
  expect(said).toHaveLength(2 + 3 + 1);
  clock.turn(1000);
  expect(said.at(-1)).toMatchObject({
    event: "test",
    message: "8 more like this in 1 s; the last:",
    fields: { i: 9, repeated: 8 },
  });
  expect(clock.pending).toBe(0);
  log(line("warn", { i: 10 }));
  expect(said.at(-1)).toMatchObject({ fields: { i: 10 } });
  for (let i = 0; i < 3; i++) log(line("warn", { i }));
  close();
  expect(said.at(-1)).toMatchObject({ fields: { repeated: 2 } });
  expect(clock.pending).toBe(0);
});

test("what happens at a server is a line each, refusals by their code", () => {
  const said: LogLine[] = [];
  const tell = logEvents(
    (one) => said.push(one),
    (network) => (network === "ab" ? "toy" : undefined),
  );
  tell({ kind: "greeted", connection: "connection 1", network: "ab", agent: "spinn/1" });
  tell({ kind: "refused", connection: "connection 2", code: "protocol", reason: "no hello" });
  const run = {
    kind: "run",
    connection: "connection 1",
    network: "ab",
    cut: "input",
    receivedBytes: 9,
    totalMs: 1.5,
  } as const;
  tell({ ...run, end: { kind: "refused", code: "internal", reason: "broken" } });
  tell({ ...run, network: "0123456789", end: { kind: "cancelled" } });
  expect(said).toEqual([
    expect.objectContaining({
      level: "info",
      event: "greeted",
      fields: { connection: "connection 1", agent: "spinn/1", model: "toy" },
    }),
    expect.objectContaining({ level: "warn", event: "refused.protocol" }),
    expect.objectContaining({ level: "error", event: "run.refused.internal" }),
    expect.objectContaining({
      level: "debug",
      event: "run.cancelled",
      fields: expect.objectContaining({ model: "01234567" }),
    }),
  ]);
});
