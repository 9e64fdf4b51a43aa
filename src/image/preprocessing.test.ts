import { describe, expect, test } from "vitest";
import { parsePreprocessing, preprocessings } from "./preprocessing.ts";

describe("parsePreprocessing()", () => {
  test.each(Object.entries(preprocessings))("reads back %s from JSON", (_, preprocessing) => {
    expect(parsePreprocessing(JSON.parse(JSON.stringify(preprocessing)))).toEqual(preprocessing);
  });

  test.each([
    ["it", null],
    ["it", "cifar"],
    ["width", { width: 0 }],
    ["height", { height: 3.5 }],
    ["width", { width: 1e9 }],
    ["channels", { channels: 4 }],
    ["channelOrder", { channelOrder: "gbr" }],
    ["resize", { resize: "crop" }],
    ["cropRatio", { cropRatio: 0 }],
    ["cropRatio", { cropRatio: 1.1 }],
    ["scale", { scale: "1" }],
    ["scale", { scale: 0 }],
    ["mean", { mean: [0.5] }],
    ["mean", { mean: [0, 0, null] }],
    ["std", { std: undefined }],
    ["std", { std: [1, 0, 1] }],
  ])("names %s when it is wrong: %o", (field, change) => {
    const json = typeof change === "object" && change !== null ? { ...preprocessings.cifar, ...change } : change;
    expect(() => parsePreprocessing(json)).toThrow(
      expect.objectContaining({ code: "InvalidData", message: expect.stringContaining(`: ${field} must be`) }),
    );
  });

  test("drops what it does not know", () => {
    expect(parsePreprocessing({ ...preprocessings.cifar, note: "x" })).toEqual(preprocessings.cifar);
  });
});
