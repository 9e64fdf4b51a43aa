import { expect, test } from "vitest";
import { patternDataset } from "../../test/data/fixtures.ts";
import { outputIndices } from "./class-table.ts";

test("outputIndices() finds classes among a network's outputs", () => {
  const dataset = { ...patternDataset(3), classIndices: [0, 217, 999] };
  expect([...outputIndices(dataset, 3)]).toEqual([0, 1, 2]);
  expect([...outputIndices(dataset, 1000)]).toEqual([0, 217, 999]);
  expect([...outputIndices(dataset, 1001)]).toEqual([1, 218, 1000]);
});

test("outputIndices() rejects a network of other classes", () => {
  for (const outputs of [10, 1000])
    expect(() => outputIndices(patternDataset(3), outputs)).toThrow(
      `pattern has 3 classes but the model has ${outputs} outputs`,
    );
});
