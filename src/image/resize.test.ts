import { describe, expect, test } from "vitest";
import { patternImage } from "../../test/data/fixtures.ts";
import { resize } from "./resize.ts";

// computed by Pillow 12.3: Image.resize(size, BILINEAR, box)
const pillow = {
  smaller: [
    16, 45, 74, 34, 63, 92, 56, 85, 114, 77, 106, 135, 99, 128, 155, 117, 139, 161, 42, 71, 100, 76, 105, 134, 114, 143,
    172, 153, 178, 186, 163, 159, 161, 171, 150, 124, 73, 102, 131, 125, 154, 183, 170, 197, 168, 177, 143, 121, 157,
    144, 136, 146, 164, 140, 105, 134, 163, 166, 195, 179, 128, 156, 113, 152, 160, 149, 121, 121, 78, 129, 123, 94,
    131, 160, 166, 180, 156, 98, 152, 143, 161, 141, 93, 110, 135, 154, 94, 129, 111, 63,
  ],
  larger: [
    0, 29, 58, 3, 32, 61, 7, 36, 65, 12, 41, 70, 16, 45, 74, 21, 50, 79, 25, 54, 83, 28, 57, 86, 7, 36, 65, 11, 40, 69,
    17, 46, 75, 23, 52, 81, 29, 58, 87, 35, 64, 93, 41, 70, 99, 45, 74, 103,
  ],
  part: [
    70, 99, 128, 103, 132, 159, 134, 156, 168, 144, 154, 164, 138, 167, 187, 161, 183, 150, 170, 154, 134, 151, 136,
    126, 171, 180, 135, 134, 144, 138, 147, 133, 127, 126, 130, 85,
  ],
};

describe("resize()", () => {
  test("makes an image smaller as Pillow does, byte for byte", () => {
    expect([...resize(patternImage(13, 9), 6, 5).data]).toEqual(pillow.smaller);
  });

  test("makes an image larger as Pillow does, byte for byte", () => {
    const large = resize(patternImage(5, 4), 8, 6);
    expect([...large.data.subarray(0, pillow.larger.length)]).toEqual(pillow.larger);
    expect(large).toMatchObject({ width: 8, height: 6 });
  });

  test("takes a fractional part as Pillow does, byte for byte", () => {
    const part = resize(patternImage(13, 9), 4, 3, { x: 2.5, y: 1, width: 8.5, height: 7.25 });
    expect([...part.data]).toEqual(pillow.part);
  });

  test("returns the image itself when its size is right", () => {
    const image = patternImage(5, 4);
    expect(resize(image, 5, 4)).toBe(image);
  });

  test("keeps white white and grey one channel", () => {
    const gray = { width: 97, height: 53, data: new Uint8Array(97 * 53).fill(255) };
    expect(resize(gray, 10, 7).data).toEqual(new Uint8Array(70).fill(255));
  });

  test("leaves out alpha", () => {
    const rgb = patternImage(6, 6);
    const rgba = new Uint8ClampedArray(6 * 6 * 4).fill(99);
    for (let i = 0; i < 36; i++) rgba.set(rgb.data.subarray(i * 3, i * 3 + 3), i * 4);
    expect(resize({ width: 6, height: 6, data: rgba }, 4, 4).data).toEqual(resize(rgb, 4, 4).data);
  });

  test("rejects a part outside the image", () => {
    expect(() => resize(patternImage(5, 4), 2, 2, { x: 3, y: 0, width: 3, height: 4 })).toThrow(RangeError);
    expect(() => resize(patternImage(5, 4), 2, 2, { x: -1, y: 0, width: 3, height: 4 })).toThrow(RangeError);
  });

  test("rejects bytes that are no image of that size", () => {
    expect(() => resize({ width: 4, height: 4, data: new Uint8Array(32) }, 2, 2)).toThrow(RangeError);
  });
});
