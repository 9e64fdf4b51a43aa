import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { patternImage } from "../../test/data/fixtures.ts";
import type { Pixels } from "./pixels.ts";
import { createPreprocessor, preprocess } from "./preprocess.ts";
import { type Preprocessing, preprocessings } from "./preprocessing.ts";

/** Gives bytes back as they are, as floats. */
const bytesAsTheyAre: Preprocessing = {
  ...preprocessings.imagenet,
  width: 4,
  height: 3,
  resize: "none",
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** [C, H, W] floats back to interleaved bytes. */
function interleaved(values: Float32Array, channels: number): Uint8Array {
  const plane = values.length / channels;
  return Uint8Array.from(values, (_, i) => values[(i % channels) * plane + Math.floor(i / channels)]!);
}

describe("preprocess()", () => {
  test.each([
    [500, 375, "fa5f12a75a534a0748dcad7c0bd3d60cad8373a2d5ff40da7ccbaed2b097943b"],
    [375, 501, "393a2f03739a55fe434627539c0e21e9422ab24a568867987d769334355eacf8"],
  ])("center-crops a %i x %i photo to 224 as torchvision does, byte for byte", (width, height, sha256) => {
    // Resize(256) and CenterCrop(224), done with Pillow 12.3 in torchvision's arithmetic
    const values = preprocess(patternImage(width, height), {
      ...bytesAsTheyAre,
      width: 224,
      height: 224,
      resize: "center-crop",
    });
    expect(createHash("sha256").update(interleaved(values, 3)).digest("hex")).toBe(sha256);
  });

  test("normalizes as the model's training did", () => {
    const image = patternImage(32, 32);
    const values = preprocess(image, preprocessings.cifar);
    const { mean, std } = preprocessings.cifar;
    for (const i of [0, 1, 500, 1023])
      for (const c of [0, 1, 2])
        expect(values[c * 1024 + i]).toBeCloseTo((image.data[i * 3 + c]! / 255 - mean[c]!) / std[c]!, 6);
    const mobilenet = preprocess(image, { ...preprocessings.mobilenetv2, width: 32, height: 32 });
    expect(mobilenet[2 * 1024 + 40]).toBeCloseTo(image.data[40 * 3 + 2]! / 127.5 - 1, 6);
  });

  test("puts channels in the order that the network takes", () => {
    const image = patternImage(4, 3);
    const rgb = preprocess(image, bytesAsTheyAre);
    const bgr = preprocess(image, { ...bytesAsTheyAre, channelOrder: "bgr" });
    expect(interleaved(rgb, 3)).toEqual(image.data);
    expect([...bgr.subarray(0, 12), ...bgr.subarray(24)]).toEqual([...rgb.subarray(24), ...rgb.subarray(0, 12)]);
    expect(bgr.subarray(12, 24)).toEqual(rgb.subarray(12, 24));
  });

  test("makes grey of color as Pillow does", () => {
    const gray = preprocess(patternImage(3, 3), {
      ...bytesAsTheyAre,
      width: 3,
      height: 3,
      channels: 1,
      mean: [0],
      std: [1],
    });
    expect([...gray]).toEqual([24, 31, 38, 37, 49, 61, 50, 67, 84]);
  });

  test("shows grey to a network of three channels", () => {
    const data = Uint8Array.from({ length: 12 }, (_, i) => i * 20);
    for (const channelOrder of ["rgb", "bgr"] as const) {
      const values = preprocess({ width: 4, height: 3, data }, { ...bytesAsTheyAre, channelOrder });
      expect([...values]).toEqual([...data, ...data, ...data]);
    }
  });

  test("gives the same for a canvas's pixels and for shared memory", () => {
    const image = patternImage(4, 3);
    const rgba = new Uint8ClampedArray(48).fill(77);
    for (let i = 0; i < 12; i++) rgba.set(image.data.subarray(i * 3, i * 3 + 3), i * 4);
    const shared = new Uint8Array(new SharedArrayBuffer(36));
    shared.set(image.data);
    const expected = preprocess(image, bytesAsTheyAre);
    expect(preprocess({ width: 4, height: 3, data: rgba }, bytesAsTheyAre)).toEqual(expected);
    expect(preprocess({ width: 4, height: 3, data: shared }, bytesAsTheyAre)).toEqual(expected);
  });

  test("takes an image of just the right size as it is when it would crop others", () => {
    const image = patternImage(4, 3);
    const values = preprocess(image, { ...bytesAsTheyAre, resize: "center-crop" });
    expect(interleaved(values, 3)).toEqual(image.data);
  });

  test("stretches whatever the aspect", () => {
    const left: Pixels = { width: 8, height: 2, data: new Uint8Array(48).fill(50) };
    expect(new Set(preprocess(left, { ...bytesAsTheyAre, resize: "stretch" }))).toEqual(new Set([50]));
  });

  test("refuses another size when it must not resize", () => {
    expect(() => preprocess(patternImage(5, 3), bytesAsTheyAre)).toThrow(/5x3 instead of 4x3/);
  });
});

describe("createPreprocessor()", () => {
  // a 4 x 3 image of one channel whose pixels are 1 to 12
  const numbers: Pixels = { width: 4, height: 3, data: Uint8Array.from({ length: 12 }, (_, i) => i + 1) };
  const gray: Preprocessing = { ...bytesAsTheyAre, channels: 1, mean: [0], std: [1] };
  const view = (dx: number, dy: number, flip: boolean) => {
    const out = new Float32Array(14).fill(-1);
    createPreprocessor(gray)(numbers, out, 1, { dx, dy, flip });
    expect([out[0], out[13]]).toEqual([-1, -1]);
    return [...out.subarray(1, 13)];
  };

  test("moves the image over black", () => {
    expect(view(1, 0, false)).toEqual([2, 3, 4, 0, 6, 7, 8, 0, 10, 11, 12, 0]);
    expect(view(-2, 1, false)).toEqual([0, 0, 5, 6, 0, 0, 9, 10, 0, 0, 0, 0]);
    expect(view(0, -2, false)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
  });

  test("mirrors after the crop", () => {
    expect(view(0, 0, true)).toEqual([4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9]);
    expect(view(1, 0, true)).toEqual([0, 4, 3, 2, 0, 8, 7, 6, 0, 12, 11, 10]);
    expect(view(-1, -1, true)).toEqual([0, 0, 0, 0, 3, 2, 1, 0, 7, 6, 5, 0]);
  });

  test("shows black when the image is moved out of sight", () => {
    expect(view(4, 0, false)).toEqual(new Array(12).fill(0));
    expect(view(-9, 9, true)).toEqual(new Array(12).fill(0));
  });

  test("pads with black rather than with the mean", () => {
    const out = new Float32Array(3072);
    createPreprocessor(preprocessings.cifar)(patternImage(32, 32), out, 0, { dx: 4, dy: 0, flip: false });
    expect(out[31]).toBeCloseTo(-0.485 / 0.229, 6);
    expect(out[2 * 1024 + 31]).toBeCloseTo(-0.406 / 0.225, 6);
  });
});
