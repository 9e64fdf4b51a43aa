// A number between two others, by hand; its name and what it stands for above.

import type { JSX } from "preact";
import { useId } from "preact/hooks";

export interface SliderProps {
  readonly label: string;
  /** Position and its limits, in whole steps. What a position means, `text` says. */
  readonly value: number;
  readonly max: number;
  readonly text: string;
  readonly onInput: (value: number) => void;
}

export function Slider({ label, value, max, text, onInput }: SliderProps): JSX.Element {
  const id = useId();
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id}>{text}</output>
      <input
        id={id}
        type="range"
        min={0}
        max={max}
        step={1}
        value={value}
        aria-valuetext={text}
        onInput={({ currentTarget }) => onInput(currentTarget.valueAsNumber)}
      />
    </div>
  );
}
