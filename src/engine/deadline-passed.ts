// What whoever computes says of a task that nobody waits for any longer.

import { SpinnError } from "../errors.ts";

export function deadlinePassed(): SpinnError {
  return new SpinnError("Deadline", "The deadline has passed, or cannot be met any more");
}
