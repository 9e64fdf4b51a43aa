// The network as a strip of slices with their exits, the split, and where the last image left it.

import type { JSX } from "preact";
import { percent } from "../shared/format.ts";
import { Panel } from "../shared/panel.tsx";
import { Answer } from "./answer.tsx";
import { planInWords, stagesOnDevice } from "./plan-words.ts";
import type { Runner } from "./runner.ts";
import type { Session } from "./session.ts";
import { type Stage, stagesOf } from "./stages.ts";

export interface NetworkPanelProps {
  readonly session: Session;
  readonly runner: Runner;
}

export function NetworkPanel({ session, runner }: NetworkPanelProps): JSX.Element {
  const network = session.network.value;
  const plan = session.plan.value;
  const shot = runner.shots.value.at(-1);
  const aside = network && plan && <span class="soft">{planInWords(network, shot?.result.plan ?? plan)}</span>;
  return (
    <Panel title="Network" name="network" aside={aside}>
      {network && plan ? (
        <Strip
          stages={stagesOf(network, plan, shot?.result)}
          split={stagesOnDevice(network, shot?.result.plan ?? plan)}
          arrived={session.arrived.value}
        />
      ) : (
        <div class="strip placeholder soft">Asking the server for its network …</div>
      )}
      <Answer shot={shot} />
    </Panel>
  );
}

interface StripProps {
  readonly stages: readonly Stage[];
  /** How many of them the plan leaves to the device. */
  readonly split: number;
  readonly arrived: number;
}

function Strip({ stages, split, arrived }: StripProps): JSX.Element {
  return (
    <>
      <ol class="strip" data-split={split === stages.length ? "none" : split}>
        {stages.map((stage, i) => (
          <li
            key={stage.name}
            data-side={stage.side}
            data-outcome={stage.outcome.kind}
            data-asked={stage.threshold !== undefined}
            data-here={i < arrived}
            data-split={i === split}
            style={{ "--share": stage.share, "--threshold": stage.threshold ?? 1, "--confidence": confidenceOf(stage) }}
          >
            <span class="hidden">{sentence(stage)}</span>
            <span class="value number" aria-hidden="true">
              {shortValue(stage)}
            </span>
            <span class="gauge" aria-hidden="true">
              <i class="fill" />
              {stage.threshold !== undefined && <i class="need" />}
            </span>
            <span class="slice" aria-hidden="true" />
            <span class="name" aria-hidden="true">
              {stage.name.replace(/^exit(?=\d)/, "exit ")}
            </span>
          </li>
        ))}
      </ol>
      <ul class="legend strip-legend">
        <li style={{ "--color": "var(--device)" }}>on this device</li>
        <li style={{ "--color": "var(--server)" }}>on the server</li>
        <li class="need-key">sure enough to stop</li>
        {stages.some(({ threshold }) => threshold === undefined) && <li class="unasked-key">not asked</li>}
        {arrived < stages.length && <li class="missing-key">still to be downloaded</li>}
      </ul>
    </>
  );
}

function confidenceOf({ outcome }: Stage): number {
  return "confidence" in outcome ? outcome.confidence : 0;
}

function shortValue({ outcome }: Stage): string {
  if ("confidence" in outcome) return percent(outcome.confidence, 0);
  return { untouched: "", "not-asked": "–", "passed-there": "?" }[outcome.kind];
}

function sentence({ name, side, threshold, outcome }: Stage): string {
  const where = side === "device" ? "on this device" : "on the server";
  const need = threshold === undefined ? "not asked" : `stops at ${percent(threshold, 0)}`;
  const what = {
    untouched: () => "",
    "not-asked": () => "; passed",
    "passed-there": () => "; not sure enough",
    passed: () => "; not sure enough",
    answered: () => "; answered",
  }[outcome.kind]();
  const said = "confidence" in outcome ? `: ${outcome.label}, ${percent(outcome.confidence)} sure` : "";
  return `${name} ${where}, ${need}${what}${said}`;
}
