// What is posted in one turn goes in one message; one that cannot be posted does not take the others along.

import { expect, test } from "vitest";
import { outbox } from "./outbox.ts";

test("one message a turn, in order, with all that is given away", async () => {
  const sent: unknown[] = [];
  const post = outbox<number>(
    (messages, transfer) => void sent.push([messages, transfer.length]),
    () => expect.unreachable(),
  );
  post(1, [new ArrayBuffer(1)]);
  post(2, []);
  expect(sent).toEqual([]);
  await Promise.resolve();
  post(3, [new ArrayBuffer(1), new ArrayBuffer(2)]);
  await Promise.resolve();
  expect(sent).toEqual([
    [[1, 2], 1],
    [[3], 2],
  ]);
});

test("what cannot be posted is told; what was posted with it arrives", async () => {
  const { port1, port2 } = new MessageChannel();
  const heard: unknown[] = [];
  const failed: unknown[] = [];
  port2.on("message", (messages: readonly unknown[]) => heard.push(...messages));
  const post = outbox<unknown>(
    (messages, transfer) => port1.postMessage(messages, transfer),
    (message, error) => failed.push([message, (error as Error).name]),
  );
  const unfit = () => undefined;
  post("a", [new ArrayBuffer(1)]);
  post(unfit, []);
  post("c", []);
  await expect.poll(() => heard, { timeout: 20_000 }).toEqual(["a", "c"]);
  expect(failed).toEqual([[unfit, "DataCloneError"]]);
  port1.close();
});
