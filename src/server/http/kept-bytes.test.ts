import { expect, test, vi } from "vitest";
import { KeptBytes } from "./kept-bytes.ts";

const bytes = (length: number) => vi.fn(async () => new Uint8Array(length));

test("what was made is kept; whoever asks meanwhile waits for the same", async () => {
  const kept = new KeptBytes(100);
  const make = bytes(10);
  const [first, second] = await Promise.all([kept.get("a", make), kept.get("a", make)]);
  expect(second).toBe(first);
  expect(await kept.get("a", make)).toBe(first);
  expect(make).toHaveBeenCalledTimes(1);
});

test("the ones asked for longest ago make room", async () => {
  const kept = new KeptBytes(100);
  const [a, b, c] = [bytes(40), bytes(40), bytes(40)];
  await kept.get("a", a);
  await kept.get("b", b);
  await kept.get("a", a);
  await kept.get("c", c); // b has to go
  await kept.get("a", a);
  await kept.get("c", c);
  expect([a, b, c].map((make) => make.mock.calls.length)).toEqual([1, 1, 1]);
  await kept.get("b", b);
  expect(b).toHaveBeenCalledTimes(2);
});

test("what is larger than everything is made each time, and takes nobody's place", async () => {
  const kept = new KeptBytes(100);
  const [small, large] = [bytes(60), bytes(101)];
  await kept.get("small", small);
  await kept.get("large", large);
  await kept.get("large", large);
  await kept.get("small", small);
  expect([small, large].map((make) => make.mock.calls.length)).toEqual([1, 2]);
});

test("what does not exist and what fails is asked for again", async () => {
  const kept = new KeptBytes(100);
  expect(await kept.get("a", async () => undefined)).toBeUndefined();
  await expect(kept.get("a", async () => Promise.reject(new Error("disk")))).rejects.toThrow("disk");
  expect(await kept.get("a", bytes(3))).toHaveLength(3);
});
