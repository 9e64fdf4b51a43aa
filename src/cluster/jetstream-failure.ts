// What JetStream's failures are to our users.

import { messageOf, SpinnError } from "../errors.ts";

/** @param what could not be done, as an infinitive */
export function jetStreamFailure(what: string, cause: unknown): SpinnError {
  const why = messageOf(cause);
  const isOff = /503|no responders|not enabled/i.test(why);
  return new SpinnError("Connection", `Cannot ${what} on NATS: ${why}`, {
    hint: isOff ? "Start nats-server with -js: it has to keep things" : "Check the NATS server",
    cause,
  });
}
