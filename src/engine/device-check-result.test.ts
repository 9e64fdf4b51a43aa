import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import type { Result } from "../wire/message.ts";
import { type Asked, whatIsWrong } from "./device-check-result.ts";
import { describeNetwork } from "./network-info.ts";

const network = describeNetwork(toyProgressive());
const best = { exit: 0, label: 2, confidence: 0.6 };
const asked: Asked = { exitsBefore: 1, best, thresholds: [0.8, 0.8, 0.8] };
const right: Result = { kind: "result", id: 1, exit: 1, label: 0, confidence: 0.85, queueMs: 0, computeMs: 1 };

const wrong = (change: Partial<Result>, of: Asked = asked): string | undefined =>
  whatIsWrong(network, of, { ...right, ...change });

test("answers that can be true", () => {
  expect(wrong({})).toBeUndefined();
  expect(wrong({ exit: 2, confidence: 0.7 })).toBeUndefined();
  expect(wrong({ exit: 2, confidence: 0.6 })).toBeUndefined(); // of equal ones the deepest
  expect(wrong(best)).toBeUndefined();
  expect(wrong({ logits: new Float32Array(3) })).toBeUndefined();
  expect(wrong({ exit: 2, confidence: 0.1 }, { exitsBefore: 0, thresholds: [2, 2, 2] })).toBeUndefined();
});

test("a confidence that crossed the link as float32 is still the device's own", () => {
  const own = { exit: 0, label: 2, confidence: 0.1 + 0.2 };
  expect(wrong({ ...own, confidence: Math.fround(own.confidence) }, { ...asked, best: own })).toBeUndefined();
});

test("answers that cannot be true", () => {
  expect(wrong({ exit: 3 })).toMatch(/exit 3 of 3/);
  expect(wrong({ label: 3 })).toMatch(/class 3 of 3/);
  for (const confidence of [Number.NaN, -0.1, 1.1]) expect(wrong({ confidence })).toMatch(/confidence/);
  expect(wrong({ logits: new Float32Array(2) })).toMatch(/2 logits for 3/);
  expect(wrong({ ...best, label: 1 })).toMatch(/before the cut/);
  expect(wrong({ ...best, confidence: 0.61 })).toMatch(/before the cut/);
  expect(wrong({ ...best }, { exitsBefore: 1, thresholds: asked.thresholds })).toMatch(/before the cut/);
  expect(wrong({ exit: 2, confidence: 0.59 })).toMatch(/neither confident nor better/);
});
