import { describe, expect, test } from "vitest";
import { patternDataset } from "../../test/data/fixtures.ts";
import type { Dataset } from "./dataset.ts";
import { fromShared } from "./from-shared.ts";
import { packedDataset } from "./packed-dataset.ts";
import { splitHoldout, subset } from "./subset.ts";

const perClass = ({ classes, labels }: Dataset) => classes.map((_, label) => labels.filter((l) => l === label).length);

describe("subset()", () => {
  test("is the chosen images in the chosen order", () => {
    const dataset = patternDataset(9);
    const part = subset(dataset, [7, 0, 7]);
    expect(part).toMatchObject({ name: "pattern", length: 3, width: 8, height: 8, classes: ["a", "b", "c"] });
    expect([...part.labels]).toEqual([1, 0, 1]);
    expect(part.pixels(2)).toEqual(dataset.pixels(7));
    expect(() => part.pixels(3)).toThrow(RangeError);
  });

  test("rejects images that are not there", () => {
    expect(() => subset(patternDataset(3), [3])).toThrow(RangeError);
    expect(() => subset(patternDataset(3), [0.5])).toThrow(RangeError);
  });

  test("keeps ImageNet's indices", () => {
    const dataset = { ...patternDataset(3), classIndices: [5, 6, 7] };
    expect(subset(dataset, [0]).classIndices).toEqual([5, 6, 7]);
  });
});

describe("splitHoldout()", () => {
  test("holds out each class in proportion, and every image is in one part", () => {
    const { rest, held } = splitHoldout(patternDataset(31), 10, 1);
    // of 11, 10 and 10 images
    expect(perClass(held)).toEqual([4, 3, 3]);
    expect(perClass(rest)).toEqual([7, 7, 7]);
    const firstBytes = [rest, held].flatMap((part) =>
      Array.from(part.labels.keys(), (index) => JSON.stringify([...(part.pixels(index) as { data: Uint8Array }).data])),
    );
    expect(new Set(firstBytes).size).toBe(31);
  });

  test("chooses by seed", () => {
    const pixelsOf = (seed: number) => splitHoldout(patternDataset(60), 6, seed).held.pixels(0);
    expect(pixelsOf(1)).toEqual(pixelsOf(1));
    expect([2, 3, 4, 5].map(pixelsOf)).not.toEqual(new Array(4).fill(pixelsOf(1)));
  });

  test("holds out nothing or everything", () => {
    expect(splitHoldout(patternDataset(5), 0, 1)).toMatchObject({ rest: { length: 5 }, held: { length: 0 } });
    expect(splitHoldout(patternDataset(5), 5, 1)).toMatchObject({ rest: { length: 0 }, held: { length: 5 } });
    expect(() => splitHoldout(patternDataset(5), 6, 1)).toThrow(RangeError);
  });
});

describe("share()", () => {
  test("gives another thread the same images, in the same memory", () => {
    const dataset = patternDataset(9);
    const { held } = splitHoldout(dataset, 4, 1);
    const message = structuredClone(held.share!());
    const opened = fromShared(message);
    expect([...opened.labels]).toEqual([...held.labels]);
    expect(opened.pixels(2)).toEqual(held.pixels(2));
    const seen = opened.pixels(0) as { data: Uint8Array };
    const own = held.pixels(0) as { data: Uint8Array };
    own.data[0] = 200;
    expect(seen.data[0]).toBe(200);
  });
});

describe("packedDataset()", () => {
  const packed = {
    name: "p",
    classes: ["a"],
    width: 2,
    height: 2,
    channels: 1 as const,
    bytes: new Uint8Array(new SharedArrayBuffer(8)),
  };

  test("rejects labels and bytes that do not belong together", () => {
    expect(() => packedDataset({ ...packed, labels: new Uint16Array(3) })).toThrow(/no |not 3 images/);
    expect(() => packedDataset({ ...packed, labels: Uint16Array.of(0, 1) })).toThrow(/Label 1/);
  });

  test("rejects an index outside", () => {
    const dataset = packedDataset({ ...packed, labels: new Uint16Array(2) });
    expect(dataset.pixels(1)).toMatchObject({ width: 2, height: 2 });
    for (const index of [-1, 2, 0.5, Number.NaN]) expect(() => dataset.pixels(index)).toThrow(RangeError);
  });
});
