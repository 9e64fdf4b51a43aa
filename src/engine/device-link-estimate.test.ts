import { expect, test } from "vitest";
import { createRng } from "../random.ts";
import {
  type LinkEstimate,
  leftAtMs,
  rttMsOf,
  slowestRttMs,
  unknownLink,
  uplinkBpsOf,
  uploadMs,
  withRoundTrip,
  withTransfer,
} from "./device-link-estimate.ts";

/** What a device sees of a link that carries one message after the other: sent in pairs, back to back. */
function traffic(bitsPerSecond: number, rttMs: number, noiseMs: number, start: LinkEstimate, runs = 40): LinkEstimate {
  const rng = createRng(7);
  let link = start;
  let [freeAtMs, previousLeftAtMs] = [0, 0];
  for (let i = 0; i < runs; i++) {
    const bytes = 5000 + 20_000 * rng();
    const sentAtMs = Math.floor(i / 2) * 500;
    freeAtMs = Math.max(sentAtMs, freeAtMs) + (8000 * bytes) / bitsPerSecond;
    const serverMs = 3 * rng();
    const transfer = {
      bytes,
      sentAtMs,
      answeredAtMs: freeAtMs + rttMs + serverMs + noiseMs * rng() ** 4,
      serverMs,
      previousLeftAtMs,
    };
    link = withTransfer(link, transfer);
    previousLeftAtMs = leftAtMs(transfer, link);
  }
  return link;
}

test("the bandwidth is found within 5 %, also when messages queue up behind each other", () => {
  for (const bitsPerSecond of [1e6, 24e6, 100e6]) {
    const known = withRoundTrip(unknownLink, 40);
    const found = uplinkBpsOf(traffic(bitsPerSecond, 40, 0.1, known))!;
    expect(found / bitsPerSecond).toBeGreaterThan(0.95);
    expect(found / bitsPerSecond).toBeLessThan(1.05);
  }
});

test("a link that becomes 20 times slower is known after three transfers, and not believed after one", () => {
  const fast = traffic(24e6, 40, 0, withRoundTrip(unknownLink, 40));
  expect(uplinkBpsOf(traffic(1.2e6, 40, 0, fast, 1))! / 24e6).toBeGreaterThan(0.95);
  expect(uplinkBpsOf(traffic(1.2e6, 40, 0, fast, 3))).toBeCloseTo(1.2e6, -4);
});

test("a plan that sends little hears of a slower and of a faster link, and of nothing while it stays the same", () => {
  const sends = (bitsPerSecond: number, start: LinkEstimate): LinkEstimate => {
    let link = start;
    for (let i = 0; i < 3; i++) {
      const answeredAtMs = 1000 * i + 40 + 8000 * (1146 / bitsPerSecond) + 0.5 * i;
      const transfer = { bytes: 1146, sentAtMs: 1000 * i, answeredAtMs, serverMs: 0, previousLeftAtMs: 0 };
      link = withTransfer(link, transfer);
    }
    return link;
  };
  const fast = traffic(24e6, 40, 0, withRoundTrip(unknownLink, 40));
  expect(sends(24e6, fast)).toEqual(fast);
  const slow = sends(1.2e6, fast);
  expect(uplinkBpsOf(slow)! / 1.2e6).toBeGreaterThan(0.8);
  expect(uplinkBpsOf(slow)! / 1.2e6).toBeLessThan(1.1);
  expect(uplinkBpsOf(sends(24e6, traffic(0.57e6, 40, 0, withRoundTrip(unknownLink, 40))))!).toBeGreaterThan(4e6);
});

test("a round trip that turns out to be another one is not taken for bandwidth", () => {
  let link = unknownLink;
  for (let i = 0; i < 9; i++) link = withRoundTrip(link, 2);
  for (let i = 0; i < 5; i++) {
    const transfer = { bytes: 3000, sentAtMs: 100 * i, answeredAtMs: 100 * i + 41, serverMs: 0, previousLeftAtMs: 0 };
    link = withTransfer(link, transfer);
  }
  expect(uplinkBpsOf(link)!).toBeLessThan(1e6);
  for (let i = 0; i < 3; i++) link = withRoundTrip(link, 40);
  expect(rttMsOf(link)).toBe(40);
  expect(uplinkBpsOf(link)! / 24e6).toBeGreaterThan(0.95);
});

test("a busy machine's small transfers find the bandwidth together, and no change in their noise", () => {
  const rng = createRng(3);
  let link = withRoundTrip(unknownLink, 40);
  for (let i = 0; i < 40; i++) {
    const transfer = { bytes: 2600, sentAtMs: 100 * i, serverMs: 1, previousLeftAtMs: 0 };
    // a millisecond of noise on less than one of transfer
    link = withTransfer(link, { ...transfer, answeredAtMs: 100 * i + 41 + (8000 * 2600) / 24e6 + 1.2 * (rng() - 0.5) });
    if (i >= 30) expect(Math.abs(Math.log(uplinkBpsOf(link)! / 24e6))).toBeLessThan(Math.log(1.5));
  }
});

test("small messages and delays now and then say nothing of the bandwidth", () => {
  const link = traffic(24e6, 40, 0, withRoundTrip(unknownLink, 40));
  const transfer = { bytes: 100, sentAtMs: 0, answeredAtMs: 500, serverMs: 0, previousLeftAtMs: 0 };
  expect(withTransfer(link, transfer)).toBe(link);
  const delayed = withTransfer(link, { ...transfer, bytes: 10_000 });
  expect(uplinkBpsOf(delayed)! / 24e6).toBeGreaterThan(0.95);
});

test("a measured link says how long an upload takes, an unknown one is thought slow", () => {
  const link = withTransfer(unknownLink, {
    bytes: 10_000,
    sentAtMs: 5,
    answeredAtMs: 25,
    serverMs: 10,
    previousLeftAtMs: 0,
  });
  expect(uploadMs(link, 3000)).toBeCloseTo(3, 9);
  expect(uplinkBpsOf(unknownLink)).toBeUndefined();
  expect(uploadMs(unknownLink, 1e6)).toBeGreaterThan(10_000);
});

test("round trips are the median of the last; a run that is faster than one corrects it", () => {
  let link = unknownLink;
  expect(rttMsOf(link)).toBeUndefined();
  for (const sample of [90, 40, 42]) link = withRoundTrip(link, sample);
  expect(rttMsOf(link)).toBe(42);
  expect(slowestRttMs(link)).toBe(90);
  for (let i = 0; i < 9; i++) link = withRoundTrip(link, 300);
  expect(link.roundTripsMs).toHaveLength(9);
  const quick = { bytes: 4000, sentAtMs: 0, answeredAtMs: 50, serverMs: 5, previousLeftAtMs: 0 };
  for (let i = 0; i < 5; i++) link = withTransfer(link, quick);
  expect(rttMsOf(link)).toBe(45);
});
