// Memory comes back when nobody holds it any more, and not before.

import { expect, test } from "vitest";
import { float32 } from "../tensor.ts";
import { ReusedMemory } from "./reused-memory.ts";

function taken(memory: ReusedMemory, length: number): { a: ReturnType<typeof float32> } {
  return { a: float32(memory.take(length), [length]) };
}

test("what nobody holds after a piece of work is used again, by whoever needs about as much", () => {
  const memory = new ReusedMemory();
  const first = memory.take(3000);
  expect(memory.take(3000).buffer).not.toBe(first.buffer);
  memory.settle();
  const again = [memory.take(4000), memory.take(2100)];
  expect(again.map(({ length }) => length)).toEqual([4000, 2100]);
  expect(again.map(({ buffer }) => buffer)).toContain(first.buffer);
  expect(memory.take(5000).buffer.byteLength).toBeGreaterThanOrEqual(20_000);
});

test("what is held stays, also where two states or a view share it", () => {
  const memory = new ReusedMemory();
  const tensors = taken(memory, 2000);
  const view = { b: float32(tensors.a.data.subarray(1000), [1000]) };
  memory.hold(tensors);
  memory.hold(view);
  memory.settle();
  const others = (): unknown[] => [memory.take(2000).buffer, memory.take(2000).buffer];
  expect(others()).not.toContain(tensors.a.data.buffer);
  memory.letGo(tensors);
  expect(others()).not.toContain(tensors.a.data.buffer);
  memory.letGo(view);
  expect(others()).toContain(tensors.a.data.buffer);
});

test("other memory is none of its business", () => {
  const memory = new ReusedMemory();
  const own = { a: float32(new Float32Array(2000), [2000]) };
  memory.hold(own);
  memory.letGo(own);
  memory.letGo(own);
  expect(memory.take(2000).buffer).not.toBe(own.a.data.buffer);
});
