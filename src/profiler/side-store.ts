// Where what was measured on a side is kept for its next start: files in Node, and in a page whatever the page has.

import type { SideSamples } from "./side-samples.ts";

/** A memory for measurements; losing it costs time and nothing else. */
export interface SideStore {
  /** Undefined when there is nothing of use. */
  read(network: string): Promise<SideSamples | undefined>;
  write(network: string, samples: SideSamples): Promise<void>;
}
