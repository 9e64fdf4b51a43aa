// What the world is like: an emulated link, no link at all, a slower device.

import type { JSX } from "preact";
import { Choice } from "../shared/choice.tsx";
import { bitRate, milliseconds, significant } from "../shared/format.ts";
import { Panel } from "../shared/panel.tsx";
import { Slider } from "../shared/slider.tsx";
import { type LinkControl, linkChoices } from "./link-control.ts";
import { logScale } from "./log-scale.ts";
import type { Session } from "./session.ts";

const uplinkBps = logScale(1e5, 1e9, 60);
const rttMs = logScale(1, 1000, 45);
const slowdowns = ["1", "10", "50"] as const;

export interface ConditionsPanelProps {
  readonly link: LinkControl;
  readonly session: Session;
}

export function ConditionsPanel({ link, session }: ConditionsPanelProps): JSX.Element {
  const spec = link.spec.value;
  const isReal = link.name.value === "real";
  const isOffline = link.isOffline.value;
  const slowdown = slowdowns.find((one) => Number(one) === session.slowdown.value);
  return (
    <Panel title="Conditions" name="conditions" aside={<span class="soft">pretend that …</span>}>
      <h3>Link</h3>
      <Choice
        label="Link"
        name="link"
        options={linkChoices}
        value={link.name.value}
        onChange={(name) => link.choose(name)}
      />
      <Slider
        label="Uplink"
        value={uplinkBps.positionOf(spec.upBitsPerSecond)}
        max={uplinkBps.steps}
        text={isReal ? "as it is" : bitRate(spec.upBitsPerSecond)}
        onInput={(at) => link.tune({ upBitsPerSecond: Number(significant(uplinkBps.valueAt(at))) })}
      />
      <Slider
        label="There and back"
        value={rttMs.positionOf(spec.rttMs)}
        max={rttMs.steps}
        text={isReal ? "as it is" : milliseconds(spec.rttMs)}
        onInput={(at) => link.tune({ rttMs: Number(significant(rttMs.valueAt(at))) })}
      />
      <button
        type="button"
        class="offline"
        aria-pressed={isOffline}
        onClick={() => {
          link.isOffline.value = !isOffline;
        }}
      >
        {isOffline ? "Go online again" : "Go offline"}
      </button>
      <h3>Device</h3>
      <Choice
        label="Device"
        name="slowdown"
        options={slowdowns.map((value) => ({
          value,
          text: value === "1" ? "As it is" : `${value} times slower`,
        }))}
        value={slowdown}
        onChange={(value) => {
          session.slowdown.value = Number(value);
        }}
      />
      <p class="soft hint">The link is emulated for messages to the engine, not for downloads.</p>
    </Panel>
  );
}
