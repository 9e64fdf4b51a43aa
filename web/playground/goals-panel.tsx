// What the user wants: ready-made, by sliders, or in words.

import type { JSX } from "preact";
import type { Constraint } from "../../src/scheduler/index.ts";
import { milliseconds, percent, significant } from "../shared/format.ts";
import { Panel } from "../shared/panel.tsx";
import { Slider } from "../shared/slider.tsx";
import { type Goals, goalPresets } from "./goals.ts";
import { logScale } from "./log-scale.ts";
import { boundOf, type SlaProblem, type SlaText, statementsOf, withBound } from "./sla-text.ts";

const latency = { metric: "latency.p95", op: "<=" } satisfies Partial<Constraint>;
const accuracy = { metric: "accuracy", op: ">=" } satisfies Partial<Constraint>;
const latencyMs = logScale(2, 2000, 60);
const ACCURACY_FROM = 70;

export function GoalsPanel({ goals }: { readonly goals: Goals }): JSX.Element {
  const text = goals.text.value;
  const reading = goals.reading.value;
  const problem = "problem" in reading ? reading.problem : undefined;
  const latencyBound = boundOf(text.require, latency.metric, latency.op);
  const accuracyBound = boundOf(text.require, accuracy.metric, accuracy.op);
  const isChosen = ({ require, prefer }: SlaText): boolean =>
    String(statementsOf(require)) === String(statementsOf(text.require)) &&
    String(statementsOf(prefer)) === String(statementsOf(text.prefer));
  const bind = (bound: typeof latency | typeof accuracy, value: string | undefined): void =>
    goals.edit({ require: withBound(text.require, bound, value) });
  return (
    <Panel title="Agreement" name="goals" aside={<span class="soft">what a plan must keep, and pursue</span>}>
      <div class="presets">
        {goalPresets.map((preset) => (
          <button
            key={preset.name}
            type="button"
            title={preset.title}
            aria-pressed={isChosen(preset)}
            onClick={() => goals.edit({ require: preset.require, prefer: preset.prefer })}
          >
            {preset.name}
          </button>
        ))}
      </div>
      <Slider
        label="95 of 100 images within"
        value={latencyBound === undefined ? 0 : 1 + latencyMs.positionOf(latencyBound)}
        max={1 + latencyMs.steps}
        text={latencyBound === undefined ? "any time" : milliseconds(latencyBound)}
        onInput={(at) => bind(latency, at === 0 ? undefined : `${significant(latencyMs.valueAt(at - 1))}ms`)}
      />
      <Slider
        label="Right at least"
        value={accuracyBound === undefined ? 0 : Math.max(1, Math.round(100 * accuracyBound) - ACCURACY_FROM)}
        max={99 - ACCURACY_FROM}
        text={accuracyBound === undefined ? "as it comes" : percent(accuracyBound, 0)}
        onInput={(at) => bind(accuracy, at === 0 ? undefined : `${ACCURACY_FROM + at}%`)}
      />
      <Statements goals={goals} list="require" label="Require, the most important first" problem={problem} />
      <Statements goals={goals} list="prefer" label="Prefer, the most wanted first" problem={problem} />
    </Panel>
  );
}

interface StatementsProps {
  readonly goals: Goals;
  readonly list: keyof SlaText;
  readonly label: string;
  readonly problem: SlaProblem | undefined;
}

function Statements({ goals, list, label, problem }: StatementsProps): JSX.Element {
  const id = `sla-${list}`;
  const isWrong = problem?.list === list;
  return (
    <div class="statements">
      <label for={id}>{label}</label>
      <textarea
        id={id}
        rows={2}
        spellcheck={false}
        autocomplete="off"
        value={goals.text.value[list]}
        placeholder={list === "require" ? "latency.p95 <= 60ms" : "min latency"}
        aria-invalid={isWrong}
        {...(isWrong && { "aria-describedby": `${id}-problem` })}
        onInput={({ currentTarget }) => goals.edit({ [list]: currentTarget.value })}
      />
      <div id={`${id}-problem`} role="alert">
        {isWrong && (
          <div class="notice">
            <pre>{problem.excerpt}</pre>
            {problem.what}
          </div>
        )}
      </div>
    </div>
  );
}
