// Links by name. The paper's are 4g and 5g (SPINN, section 4); the others are what web developers measure against, so
// that figures can be compared, and one that is bad on purpose.

import type { LinkSpec } from "./link-spec.ts";

const mbps = (down: number, up: number, rttMs: number): LinkSpec => ({
  downBitsPerSecond: down * 1e6,
  upBitsPerSecond: up * 1e6,
  rttMs,
});

export type LinkPreset = "4g" | "5g" | "edge" | "3g" | "lte" | "dsl" | "cable" | "wifi" | "lan" | "lossy";

export const linkPresets: Readonly<Record<LinkPreset, LinkSpec>> = {
  /** The paper's 4G. */
  "4g": mbps(24, 24, 40),
  /** The paper's 5G. */
  "5g": mbps(250, 250, 1),
  /** WebPageTest's "Mobile Edge". */
  edge: mbps(0.24, 0.2, 840),
  /** WebPageTest's "3G". */
  "3g": mbps(1.6, 0.768, 300),
  /** WebPageTest's "LTE". */
  lte: mbps(12, 12, 70),
  /** WebPageTest's "DSL". */
  dsl: mbps(1.5, 0.384, 50),
  /** WebPageTest's "Cable". */
  cable: mbps(5, 1, 28),
  /** Wi-Fi at home as Apple's Network Link Conditioner has it, with the jitter of a shared channel. */
  wifi: { ...mbps(40, 33, 2), jitterMs: 2 },
  /** A wire in a building: a server next door. */
  lan: mbps(1000, 1000, 0.5),
  /** No source, bad on purpose: the edge of a cell on a train, lost every 20 s. */
  lossy: { ...mbps(3, 1, 100), jitterMs: 30, cutsPerSecond: 0.05 },
};

export function isLinkPreset(name: string): name is LinkPreset {
  return Object.hasOwn(linkPresets, name);
}
