// The heap that computing threads begin with.

import { setFlagsFromString } from "node:v8";

/**
 * The runtime copies what it computes into memory of V8's. With the small heap that a thread begins with, V8 answers by collecting
 * all of it several times a second, on all cores; with this much it collects what is young, which most of it is.
 */
const HEAP_MB = 64;

/** Of threads that are started from now on: they have no option for it. */
export function giveThreadsHeap(): void {
  setFlagsFromString(`--initial-old-space-size=${HEAP_MB}`);
}
