import { expect, test } from "vitest";
import { transportSuite } from "../../test/contract/transport-suite.ts";
import { createLoopback } from "./loopback.ts";

transportSuite("loopback", async (accept, maxMessageBytes) => {
  return { dial: createLoopback(accept, { maxMessageBytes }), close: async () => {} };
});

test("a listener that hangs up at once is heard after the connection is there", async () => {
  const events: string[] = [];
  const dial = createLoopback((connection) => {
    connection.send(Uint8Array.of(1));
    connection.close("full");
    return { message: () => {}, closed: () => {} };
  });
  const message = (): unknown => events.push("message");
  await dial({ message, closed: (reason) => events.push(reason) }, { maxMessageBytes: 9 });
  events.push("connected");
  await new Promise((resolve) => setTimeout(resolve));
  expect(events).toEqual(["connected", "message", "full"]);
});
