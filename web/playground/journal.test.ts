import { expect, test } from "vitest";
import { Journal } from "./journal.ts";

test("the latest is on top, and the same again is counted", () => {
  const journal = new Journal();
  journal.note("link", "Connected");
  for (let i = 0; i < 3; i++) journal.note("fallback", "Answered on the device", "bad");
  journal.note("link", "Connected");
  expect(journal.events.value.map(({ text }) => text)).toEqual([
    "Connected",
    "Answered on the device (3 times)",
    "Connected",
  ]);
  expect(new Set(journal.events.value.map(({ id }) => id)).size).toBe(3);
});

test("old events are forgotten", () => {
  const journal = new Journal();
  for (let i = 0; i < 500; i++) journal.note("plan", `${i}`);
  expect(journal.events.value.length).toBeLessThanOrEqual(101);
  expect(journal.events.value[0]!.text).toBe("499");
});
