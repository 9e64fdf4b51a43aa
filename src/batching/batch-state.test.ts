// Rows of batches joined again are the values they were, copied only where they must be.

import fc from "fast-check";
import { expect, test } from "vitest";
import type { BoundaryState } from "../engine/index.ts";
import { float32, int64 } from "../tensor.ts";
import { joinRows, rowsOf } from "./batch-state.ts";

/** `count` images, the values of image i are `first + i`. */
function batch(count: number, first: number): BoundaryState {
  const values = Float32Array.from({ length: count * 6 }, (_, i) => first + Math.floor(i / 6));
  const tags = int64(
    Array.from({ length: count * 2 }, (_, i) => first + (i >> 1)),
    [count, 2],
  );
  return { cut: "relu", portable: false, tensors: { a: float32(values, [count, 3, 2]), tags } };
}

test("any rows of any batches, in any order", () => {
  const pick = fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 })), {
    minLength: 1,
    maxLength: 9,
  });
  fc.assert(
    fc.property(pick, (picked) => {
      const rows = [0, 10, 20].map((first) => rowsOf(batch(4, first), 4));
      const joined = joinRows(picked.map(([from, index]) => rows[from]![index]!));
      const expected = picked.map(([from, index]) => from * 10 + index);
      expect(joined).toMatchObject({ cut: "relu", portable: false });
      expect(joined.tensors.a!.dims).toEqual([picked.length, 3, 2]);
      expect([...joined.tensors.a!.data]).toEqual(expected.flatMap((value) => Array(6).fill(value)));
      expect([...joined.tensors.tags!.data]).toEqual(expected.flatMap((value) => Array(2).fill(BigInt(value))));
    }),
  );
});

test("a batch that goes on as it is, and neighbours in one, are not copied", () => {
  const state = batch(4, 0);
  const rows = rowsOf(state, 4);
  expect(joinRows(rows)).toBe(state);
  const some = joinRows(rows.slice(1, 3)).tensors.a!.data;
  expect([some.buffer, some.byteOffset]).toEqual([state.tensors.a!.data.buffer, 24]);
  expect(joinRows([rows[0]!, rows[2]!]).tensors.a!.data.buffer).not.toBe(state.tensors.a!.data.buffer);
});
