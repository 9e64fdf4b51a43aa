// SessionStore shares, makes room and tries again, seen by sessions that count.

import { expect, test } from "vitest";
import type { Session } from "../runtime/runtime.ts";
import { float32 } from "../tensor.ts";
import { type Opened, SessionStore } from "./session-store.ts";

/** Sessions whose runs end when they are told to. */
function sessions() {
  const opened: string[] = [];
  const released: string[] = [];
  const waiting: (() => void)[] = [];
  const make =
    (key: string, weightBytes = 1) =>
    async (): Promise<Opened> => {
      opened.push(key);
      const session: Session = {
        inputNames: [],
        outputNames: ["y"],
        run: (feeds) => new Promise((resolve) => waiting.push(() => resolve({ y: feeds.x! }))),
        release: async () => void released.push(key),
      };
      return { session, weightBytes };
    };
  return { opened, released, waiting, make };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const feeds = { x: float32(Float32Array.of(7), [1]) };

test("what is opened once serves all; what was used longest ago makes room", async () => {
  const { opened, released, make } = sessions();
  const store = new SessionStore({ sessions: 2, weightBytes: 100 });
  await Promise.all(["a", "a", "b", "a", "c"].map((key) => store.open(key, make(key))));
  await turn();
  expect([opened, released]).toEqual([["a", "b", "c"], ["b"]]);
  await store.open("b", make("b"));
  await turn();
  expect([opened.length, released]).toEqual([4, ["b", "a"]]);
  await store.release();
  expect(released.sort()).toEqual(["a", "b", "b", "c"]);
  await expect(store.open("a", make("a"))).rejects.toMatchObject({ code: "Runtime" });
});

test("weights have a limit of their own", async () => {
  const { released, make } = sessions();
  const store = new SessionStore({ sessions: 9, weightBytes: 100 });
  for (const [key, bytes] of [
    ["a", 50],
    ["b", 10],
    ["c", 40],
    ["d", 45],
    ["e", 400],
  ] as const) {
    await store.open(key, make(key, bytes));
    await turn();
    if (key === "c") expect(released).toEqual([]);
    if (key === "d") expect(released).toEqual(["a"]);
  }
  expect(released).toEqual(["a", "b", "c", "d"]);
});

test("a session that runs is not released under its run", async () => {
  const { released, waiting, make } = sessions();
  const store = new SessionStore({ sessions: 1, weightBytes: 100 });
  const run = store.run("a", make("a"), feeds, ["y"]);
  await turn();
  await store.open("b", make("b"));
  await turn();
  expect(released).toEqual([]);
  waiting[0]!();
  expect(await run).toEqual({ y: feeds.x });
  await store.open("c", make("c"));
  await turn();
  expect(released.sort()).toEqual(["a", "b"]);
});

test("a session that could not be opened is tried again", async () => {
  const { make } = sessions();
  const store = new SessionStore({ sessions: 2, weightBytes: 100 });
  const failing = async (): Promise<Opened> => {
    throw new Error("not today");
  };
  await expect(store.open("a", failing)).rejects.toThrow("not today");
  await store.open("a", make("a"));
});
