import { expect, onTestFinished, test, vi } from "vitest";
import { TurnedClock } from "../../test/turned-clock.ts";
import { watchFiles } from "./watch-files.ts";

function watched(stamps: Map<string, string>): { readonly changes: () => number; look(): Promise<void> } {
  const clock = new TurnedClock();
  const onChange = vi.fn();
  const paths = (): string[] => [...stamps.keys()];
  onTestFinished(watchFiles({ paths, onChange, clock, intervalMs: 100, stamp: async (path) => stamps.get(path)! }));
  return {
    changes: () => onChange.mock.calls.length,
    async look() {
      await vi.waitFor(() => expect(clock.pending).toBe(1));
      clock.turn(100);
      await vi.waitFor(() => expect(clock.pending).toBe(1));
    },
  };
}

test("a change is told once, when the file has stopped changing", async () => {
  const stamps = new Map([["a", "1"]]);
  const { look, changes } = watched(stamps);
  await look();
  expect(changes()).toBe(0);
  for (const stamp of ["2", "3", "4"]) {
    stamps.set("a", stamp);
    await look();
    expect(changes()).toBe(0);
  }
  await look();
  expect(changes()).toBe(1);
  await look();
  expect(changes()).toBe(1);
});

test("a file that is away is not told, until it is back and another one", async () => {
  const stamps = new Map([["a", "1"]]);
  const { look, changes } = watched(stamps);
  stamps.set("a", "");
  for (let i = 0; i < 3; i++) await look();
  stamps.set("a", "1");
  for (let i = 0; i < 3; i++) await look();
  expect(changes()).toBe(0);
  stamps.set("a", "2");
  for (let i = 0; i < 2; i++) await look();
  expect(changes()).toBe(1);
});

test("files that join later are watched from then on", async () => {
  const stamps = new Map([["a", "1"]]);
  const { look, changes } = watched(stamps);
  stamps.set("b", "1");
  for (let i = 0; i < 3; i++) await look();
  expect(changes()).toBe(0);
  stamps.set("b", "2");
  for (let i = 0; i < 2; i++) await look();
  expect(changes()).toBe(1);
});
