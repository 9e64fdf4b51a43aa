import { expect, test } from "vitest";
import { toyProgressive } from "../../test/toy.ts";
import { describeNetwork } from "../engine/index.ts";
import { type Conditions, type CutProfile, rankCuts, stopShares } from "./choose-cut.ts";

const packed = { codec: "packed" as const, bits: 8, bytes: 4000, encodeMs: 0, decodeMs: 0 };
const rans = { codec: "rans" as const, bits: 8, bytes: 1000, encodeMs: 1, decodeMs: 1 };

/** 10 ms to the first exit, 20 ms to a cut behind it, 100 ms to the end. */
const profile: CutProfile = {
  cuts: [
    { id: "input", exitsBefore: 0, deviceMs: 0, codecs: [{ ...packed, bytes: 3000 }] },
    { id: "middle", exitsBefore: 1, deviceMs: 20, codecs: [packed, rans] },
    { id: "none", exitsBefore: 2, deviceMs: 100, codecs: [] },
  ],
  exitMs: [10, 100],
};
const shares = [0.6, 0.4];
const link: Conditions = { uplinkBps: 8e6, rttMs: 5, serverFactor: 0.1, serverQueueMs: 1 };

const expected = (conditions: Conditions): Record<string, number> =>
  Object.fromEntries(
    rankCuts(profile, shares, conditions).map((one) => [`${one.cut} ${one.codec?.codec ?? ""}`, one.expectedMs]),
  );

test("the mean over all images, by hand", () => {
  const found = expected(link);
  expect(found["none "]).toBeCloseTo(0.6 * 10 + 0.4 * 100, 9);
  // 3 ms to send, 5 + 1 waiting, and a tenth of the device's time at the server
  expect(found["input packed"]).toBeCloseTo(3 + 6 + 0.1 * (0.6 * 10 + 0.4 * 100), 9);
  // 1 ms to pack, 1 ms to send, 0.1 ms to unpack at the server
  expect(found["middle rans"]).toBeCloseTo(0.6 * 10 + 0.4 * (20 + 2.1 + 6 + 8), 9);
  expect(found["middle packed"]).toBeCloseTo(0.6 * 10 + 0.4 * (20 + 4 + 6 + 8), 9);
});

test("the soonest comes first: by link, server and codec", () => {
  const first = (change: Partial<Conditions>): string => {
    const { cut, codec } = rankCuts(profile, shares, { ...link, ...change })[0]!;
    return `${cut} ${codec?.codec ?? ""}`;
  };
  expect(first({})).toBe("input packed");
  expect(first({ uplinkBps: 1e6 })).toBe("middle rans");
  expect(first({ uplinkBps: 1e4 })).toBe("none ");
  expect(first({ rttMs: 500 })).toBe("none ");
  expect(first({ serverFactor: 2 })).toBe("none ");
  expect(first({ uplinkBps: 24e6, rttMs: 25, serverFactor: 0.5 })).toBe("middle packed");
});

test("shares come from the calibration record; without one everybody goes to the end", () => {
  const network = describeNetwork(toyProgressive());
  expect(stopShares(network, [0.5, 0.5, 0.5])).toEqual([0, 0, 1]);
  const confidences = Float32Array.of(0.9, 0.1, 0.1, 0.2, 0.3, 0.1, 0.1, 0.8, 0.9, 0.1, 0.1, 0.1);
  const calibration = { dataset: "", images: 4, temperatures: [1, 1, 1], confidences, correct: new Uint8Array(12) };
  expect(stopShares({ ...network, calibration }, [0.8, 0.8, 0.8])).toEqual([0.25, 0.25, 0.5]);
  // above 1 an exit is not computed; without any early one all reach the end
  expect(stopShares({ ...network, calibration }, [2, 2, 0])).toEqual([0, 0, 1]);
});
