// A process that attacks until it is told to stop: in the process of the honest device the two would wait for each other. Attackers
// have machines of their own in truth: here they get what server and device leave of the cores.

import { constants, setPriority } from "node:os";
import { type AttackName, attackDoor, type Target } from "./attacks.ts";

export interface AttackOrder {
  readonly attack: AttackName;
  readonly target: Target;
}

setPriority(constants.priority.PRIORITY_LOW);
const stop = new AbortController();
process.once("message", (message) => {
  const { attack, target } = message as AttackOrder;
  process.once("message", () => stop.abort());
  process.send?.("begun");
  void attackDoor(attack, target, stop.signal).then((outcomes) => process.send?.(outcomes, () => process.disconnect()));
});
process.once("disconnect", () => process.exit());
