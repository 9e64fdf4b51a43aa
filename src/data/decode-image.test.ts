import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { encoded, folderOf, patternImage } from "../../test/data/fixtures.ts";
import { decodeImage, decodeImageFile } from "./decode-image.ts";

describe("decodeImage()", () => {
  test.each(["png", "webp"] as const)("reads a lossless %s exactly", async (format) => {
    const image = patternImage(7, 5);
    const decoded = await decodeImage(await encoded(image, format), "image");
    expect(decoded).toMatchObject({ width: 7, height: 5 });
    expect([...decoded.data]).toEqual([...image.data]);
  });

  test("reads a JPEG to within its loss", async () => {
    const gray = { width: 16, height: 16, data: new Uint8Array(16 * 16 * 3).fill(120) };
    const { data } = await decodeImage(await encoded(gray, "jpeg"), "image");
    expect(Math.max(...data) - Math.min(...data)).toBeLessThan(3);
    expect(data[0]).toBeGreaterThan(117);
  });

  test("makes 8-bit RGB of grey, of 16 bits and of transparency", async () => {
    const raw = { width: 2, height: 1, channels: 3 } as const;
    const pixels = sharp(Uint8Array.of(0, 0, 0, 255, 255, 255), { raw });
    const gray = await pixels.clone().toColourspace("b-w").png().toBuffer();
    const deep = await pixels.clone().toColourspace("rgb16").png().toBuffer();
    const transparent = await pixels.clone().ensureAlpha(0.5).png().toBuffer();
    expect((await sharp(gray).metadata()).channels).toBe(1);
    expect((await sharp(deep).metadata()).depth).toBe("ushort");
    for (const bytes of [gray, deep, transparent])
      expect([...(await decodeImage(bytes, "image")).data]).toEqual([0, 0, 0, 255, 255, 255]);
  });

  test("turns a photo upright as its camera noted", async () => {
    const bytes = await sharp(await encoded(patternImage(8, 4), "jpeg"))
      .withMetadata({ orientation: 6 })
      .toBuffer();
    expect(await decodeImage(bytes, "image")).toMatchObject({ width: 4, height: 8 });
  });
});

describe("decodeImageFile()", () => {
  test("names a JPEG that is cut off", async () => {
    const whole = await encoded(patternImage(64, 64), "jpeg");
    const folder = await folderOf({ "cut.jpg": whole.subarray(0, whole.length / 2), "text.jpg": "not a JPEG" });
    for (const name of ["cut.jpg", "text.jpg"])
      await expect(decodeImageFile(join(folder, name))).rejects.toMatchObject({
        code: "InvalidData",
        message: expect.stringContaining(join(folder, name)),
      });
  });

  test("names a file that is missing", async () => {
    const path = join(await folderOf(), "gone.png");
    await expect(decodeImageFile(path)).rejects.toMatchObject({
      code: "InvalidData",
      message: `${path} does not exist. Check the path.`,
    });
  });
});
