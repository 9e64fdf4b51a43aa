// The one way in which bytes from outside turn out to be wrong, as an error of one line.

import { SpinnError } from "../errors.ts";

/** @example throw invalidFrame("packet", "checksum does not match") */
export function invalidFrame(what: string, reason: string): SpinnError {
  return new SpinnError("InvalidFrame", `Cannot decode ${what}: ${reason}`);
}
