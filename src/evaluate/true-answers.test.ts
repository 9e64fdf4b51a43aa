import { expect, test } from "vitest";
import type { NetworkInfo } from "../engine/index.ts";
import { answerOf } from "../progressive/index.ts";
import { trueAnswers } from "./true-answers.ts";

const exits = [0, 1, 2].map((i) => ({
  name: `e${i}`,
  output: `o${i}`,
  at: `c${i}`,
  temperature: i + 1,
  flopsFraction: 1,
}));
const network = { exits, classes: 2 } as unknown as NetworkInfo;
/** Confidences of image 0: 0.73, 0.88, 0.82; of image 1: 0.5, 0.62, 0.58. */
const logits = {
  images: 2,
  classes: 2,
  exits: [
    [0, 1, 0, 0],
    [4, 0, 1, 0],
    [0, 4.5, 0, 1],
  ].map((values) => Float32Array.from(values)),
  labels: new Uint16Array(2),
};
const truth = trueAnswers(network, logits);
const confidenceOf = (image: number, exit: number): number =>
  answerOf(logits.exits[exit]!.subarray(2 * image, 2 * image + 2), exit + 1).confidence;
const given = (exit: number, classIndex: number, source: "device" | "server", by = 0, image = 0) =>
  truth.whatIsWrong(image, [0.9, 0.9, 0.9], { exit, classIndex, confidence: confidenceOf(image, exit) + by, source });

test("the device may answer from any exit, the server from the one that the rule picks", () => {
  for (const [exit, classIndex] of [1, 0, 1].entries()) expect(given(exit, classIndex, "device")).toBeUndefined();
  expect(given(1, 0, "server")).toBeUndefined();
  expect(given(0, 1, "server")).toMatch(/exit 1 has the last word, not exit 0/);
  expect(given(2, 1, "server")).toMatch(/exit 1 has the last word/);
});

test("another label, confidence or exit is wrong", () => {
  expect(given(1, 1, "device")).toMatch(/exit 1 says 0, not 1/);
  expect(given(1, 7, "device")).toMatch(/exit 1 says 0, not 7/);
  expect(given(1, 0, "server", 0.01)).toMatch(/confidence/);
  expect(given(1, 0, "server", Number.NaN)).toMatch(/confidence/);
  expect(truth.whatIsWrong(0, [1, 1, 1], { exit: 3, classIndex: 0, confidence: 1, source: "device" })).toMatch(
    /no exit 3/,
  );
});

test("what is as good as equal may come out either way", () => {
  expect(given(0, 0, "device", 0, 1)).toBeUndefined(); // both classes have 0.5
  const thresholds = [0.9, confidenceOf(0, 1) + 5e-4, confidenceOf(0, 2) - 5e-4];
  // exit 1 is just not confident and exit 2 just is: or the other way round
  for (const [exit, classIndex] of [
    [1, 0],
    [2, 1],
  ] as const) {
    const answer = { exit, classIndex, confidence: confidenceOf(0, exit), source: "server" } as const;
    expect(truth.whatIsWrong(0, thresholds, answer)).toBeUndefined();
  }
});
