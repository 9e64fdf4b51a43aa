// Which images an evaluation leaves out: exactly those that calibration has seen.

import { expect, test } from "vitest";
import { colourDataset, toyProgressive } from "../../test/toy.ts";
import { type Dataset, splitHoldout, subset } from "../data/index.ts";
import { type Metadata, readMetadata } from "../progressive/metadata.ts";
import { calibrate } from "./calibrate.ts";
import { calibrationImages, calibrationSplit, withoutCalibrationImages } from "./calibration-split.ts";

const dataset: Dataset = { ...colourDataset(60), name: "colours/test" };

const pixelsOf = (part: Dataset): string[] =>
  Array.from({ length: part.length }, (_, i) =>
    Buffer.from((part.pixels(i) as { data: Uint8Array }).data).toString("hex"),
  );

async function calibratedOn(held: Dataset): Promise<Metadata> {
  return readMetadata(await calibrate(toyProgressive(), held))!;
}

test("calibrationSplit() is the same every time, in proportion to the classes", () => {
  const [one, two] = [calibrationSplit(dataset, 12), calibrationSplit(dataset, 12)];
  expect([one.held.length, one.rest.length]).toEqual([12, 48]);
  expect(pixelsOf(one.held)).toEqual(pixelsOf(two.held));
  expect([0, 1, 2].map((label) => one.held.labels.filter((l) => l === label).length)).toEqual([4, 4, 4]);
  expect([...pixelsOf(one.held), ...pixelsOf(one.rest)].sort()).toEqual(pixelsOf(dataset).sort());
  expect(one.held.name).toBe("colours/test-calibration");
});

test("what calibration has seen is left out, and nothing else", async () => {
  const { rest, held } = calibrationSplit(dataset, 12);
  const left = withoutCalibrationImages(dataset, await calibratedOn(held));
  expect(pixelsOf(left)).toEqual(pixelsOf(rest));
  const seen = new Set(pixelsOf(held));
  expect(pixelsOf(left).filter((image) => seen.has(image))).toEqual([]);
});

test("nothing is left out of a data set that calibration has not seen", async () => {
  const metadata = await calibratedOn(calibrationSplit(dataset, 12).held);
  const other = { ...dataset, name: "colours/other" };
  expect(withoutCalibrationImages(other, metadata)).toBe(other);
  const small = subset(dataset, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  expect(withoutCalibrationImages(small, metadata)).toBe(small);
});

test("images held out of training by another rule are not mistaken for these", async () => {
  const metadata = await calibratedOn(splitHoldout(dataset, 12, 5).held);
  expect(withoutCalibrationImages(dataset, metadata)).toBe(dataset);
});

test("nothing is left out for a model without calibration, or for none at all", () => {
  expect(withoutCalibrationImages(dataset, undefined)).toBe(dataset);
  expect(withoutCalibrationImages(dataset, readMetadata(toyProgressive()))).toBe(dataset);
});

test("more images than there are cannot be split off", () => {
  expect(() => calibrationSplit(dataset, 61)).toThrow(RangeError);
});

test("the images of a record are found again, of a training by its seed, and not where they are not", () => {
  const own = calibrationSplit(dataset, 12).held;
  expect(pixelsOf(calibrationImages(dataset, { dataset: own.name, images: 12 }, 9)!)).toEqual(pixelsOf(own));
  const held = splitHoldout(dataset, 12, 7).held;
  const record = { dataset: held.name, images: 12 };
  expect(pixelsOf(calibrationImages(dataset, record, 7)!)).toEqual(pixelsOf(held));
  expect(pixelsOf(calibrationImages(dataset, record, 8)!)).not.toEqual(pixelsOf(held));
  expect(calibrationImages({ ...dataset, name: "colours/other" }, record, 7)).toBeUndefined();
  expect(calibrationImages(dataset, { ...record, images: 61 }, 7)).toBeUndefined();
});
