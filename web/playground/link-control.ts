// The link that the page pretends to have.

import { effect, type Signal, signal } from "@preact/signals";
import { linkPresets } from "../../src/evaluate/link-presets.ts";
import type { LinkSpec } from "../../src/evaluate/link-spec.ts";
import { browserDial, type Dial } from "../../src/web/index.ts";
import { shapedDial } from "./shaped-dial.ts";

export interface LinkChoice {
  readonly value: LinkName;
  readonly text: string;
  readonly title: string;
}

export type LinkName = "real" | "wifi" | "5g" | "4g" | "3g" | "edge" | "own";

const rates = ({ downBitsPerSecond, upBitsPerSecond, rttMs }: LinkSpec): string =>
  `${downBitsPerSecond / 1e6} Mbit/s down, ${upBitsPerSecond / 1e6} up, ${rttMs} ms there and back`;

export const linkChoices: readonly LinkChoice[] = [
  { value: "real", text: "As it is", title: "No emulation" },
  { value: "wifi", text: "Wi-Fi", title: rates(linkPresets.wifi) },
  { value: "5g", text: "5G", title: rates(linkPresets["5g"]) },
  { value: "4g", text: "4G", title: rates(linkPresets["4g"]) },
  { value: "3g", text: "3G", title: rates(linkPresets["3g"]) },
  { value: "edge", text: "EDGE", title: rates(linkPresets.edge) },
];

export class LinkControl {
  readonly name: Signal<LinkName> = signal("real");
  /** What sliders show and move; in force unless the link is left as it is. */
  readonly spec: Signal<LinkSpec> = signal(linkPresets["4g"]);
  readonly isOffline: Signal<boolean> = signal(false);
  /** Through the emulated link. */
  readonly dial: Dial;

  /** @param token asked before each connection; empty: none is shown */
  constructor(url: string, token: () => string) {
    const dial: Dial = (...call) => browserDial(url, token() === "" ? {} : { token })(...call);
    const shaped = shapedDial(dial);
    this.dial = shaped.dial;
    effect(() => shaped.shape(this.name.value === "real" ? undefined : this.spec.value));
    effect(() => shaped.setOffline(this.isOffline.value));
  }

  choose(name: LinkName): void {
    this.name.value = name;
    if (name !== "real" && name !== "own") this.spec.value = linkPresets[name];
  }

  /** By hand. */
  tune(change: Partial<LinkSpec>): void {
    this.name.value = "own";
    this.spec.value = { ...this.spec.value, ...change };
  }
}
