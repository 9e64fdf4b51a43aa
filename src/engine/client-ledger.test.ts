import { expect, test } from "vitest";
import { TurnedClock } from "../../test/turned-clock.ts";
import { ClientLedger, type ClientLimits } from "./client-ledger.ts";

function ledger(limits: ClientLimits): { clock: TurnedClock; ledger: ClientLedger } {
  const clock = new TurnedClock();
  return { clock, ledger: new ClientLedger(limits, clock) };
}

test("runs a second: two seconds' worth at once, then at the rate, over all connections of a client", () => {
  const { clock, ledger: book } = ledger({ runsPerSecond: 5 });
  const [one, two, other] = [book.open("a"), book.open("a"), book.open("b")];
  const begun = [one, two, one, two, one, two, one, two, one, two].map((account) => account.begin());
  expect(begun).toEqual(Array(10).fill(undefined));
  expect(one.begin()).toEqual({
    code: "rate-limited",
    reason: "More than 5 runs a second; again in 200 ms",
    waitMs: expect.closeTo(200),
  });
  expect(other.begin()).toBeUndefined();
  clock.turn(200);
  expect(two.begin()).toBeUndefined();
  expect(two.begin()).toBeDefined();
});

test("less than one run a second still allows one", () => {
  const { clock, ledger: book } = ledger({ runsPerSecond: 0.1 });
  const account = book.open("a");
  expect(account.begin()).toBeUndefined();
  expect(account.begin()?.waitMs).toBeCloseTo(10_000);
  clock.turn(10_000);
  expect(account.begin()).toBeUndefined();
});

test("bytes a second: runs are refused first, whoever goes on is sent away, and leaving does not help", () => {
  const { clock, ledger: book } = ledger({ bytesPerSecond: 1000 });
  const account = book.open("a");
  expect(account.received(2000)).toBeUndefined();
  expect(account.begin()).toBeUndefined();
  expect(account.received(500)).toBeUndefined();
  expect(account.begin()).toMatchObject({
    code: "rate-limited",
    reason: expect.stringContaining("1000 bytes a second"),
  });
  expect(account.received(4000)).toMatchObject({ code: "rate-limited", waitMs: 4500 });
  account.close();
  const again = book.open("a");
  expect(again.begin()).toMatchObject({ waitMs: 4500 });
  clock.turn(4500);
  expect(again.begin()).toBeUndefined();
});

test("quota of computing: used up until the window has ended", () => {
  const { clock, ledger: book } = ledger({ quota: { windowMs: 60_000, computeMs: 100 } });
  const account = book.open("a");
  expect(account.begin()).toBeUndefined();
  account.ended(70);
  expect(account.begin()).toBeUndefined();
  account.ended(70);
  clock.turn(20_000);
  expect(account.begin()).toEqual({
    code: "quota",
    reason: "The quota of 100 ms of computing is used up for 40 s",
    waitMs: 40_000,
  });
  expect(book.open("b").begin()).toBeUndefined();
  clock.turn(40_000);
  expect(account.begin()).toBeUndefined();
});

test("quota of bytes: the run that exceeds it is the first that is refused, also after reconnecting", () => {
  const { ledger: book } = ledger({ quota: { bytes: 1000 } });
  const account = book.open("a");
  account.received(1000);
  expect(account.begin()).toBeUndefined();
  account.received(1);
  expect(account.begin()).toMatchObject({ code: "quota", waitMs: 3_600_000 });
  account.ended(0);
  account.close();
  expect(book.open("a").begin()).toMatchObject({ code: "quota" });
});

test("runs at a time count over all connections until they have ended", () => {
  const { ledger: book } = ledger({ maxInFlight: 2 });
  const [one, two] = [book.open("a"), book.open("a")];
  expect([one.begin(), two.begin()]).toEqual([undefined, undefined]);
  expect(two.begin()).toMatchObject({ code: "rate-limited", reason: expect.stringContaining("More than 2 runs") });
  one.ended(1);
  expect(two.begin()).toBeUndefined();
});

test("messages: who says too much on many connections is not to be read until it may say more", () => {
  const { clock, ledger: book } = ledger({});
  const [one, two] = [book.open("a", 10), book.open("a", 10)];
  const waits = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).heard());
  expect(waits).toEqual(Array(20).fill(0));
  expect([one.heard(), two.heard()]).toEqual([expect.closeTo(100), expect.closeTo(200)]);
  expect(book.open("b", 10).heard()).toBe(0);
  expect(book.open("c").heard()).toBe(0);
  clock.turn(300);
  expect(one.heard()).toBe(0);
  one.close();
  two.close();
  expect(book.open("a", 10).heard()).toBeCloseTo(100); // leaving does not help
});

test("every reason fits into a refusal", () => {
  const { ledger: book } = ledger({
    maxInFlight: 999_999,
    bytesPerSecond: 999_999_999,
    quota: { computeMs: 99_999_999 },
  });
  const account = book.open("a");
  account.begin();
  account.ended(1e9);
  expect(account.begin()!.reason.length).toBeLessThanOrEqual(80);
  expect(account.received(1e12)!.reason.length).toBeLessThanOrEqual(80);
});

test("clients that have left and owe nothing are forgotten; there is a bound even to debtors", () => {
  const free = ledger({ maxInFlight: 5 });
  for (let i = 0; i < 100; i++) free.ledger.open(`client ${i}`).close();
  expect(free.ledger.size).toBe(0);
  const debts = ledger({ bytesPerSecond: 10 });
  for (let i = 0; i < 17_000; i++) {
    const account = debts.ledger.open(`client ${i}`);
    account.received(1000);
    account.close();
  }
  expect(debts.ledger.size).toBe(16_384);
});

test("a limit that is none is told", () => {
  expect(() => new ClientLedger({ runsPerSecond: 0 })).toThrow("runsPerSecond must be positive, not 0");
  expect(() => new ClientLedger({ quota: { bytes: Number.NaN } })).toThrow("bytes must be positive, not NaN");
});
