// One of several, as a row of buttons that arrow keys move in.

import type { JSX } from "preact";

export interface ChoiceProps<T extends string> {
  /** What is chosen, for who cannot see where it stands. */
  readonly label: string;
  /** Of the group; unique on the page. */
  readonly name: string;
  readonly options: readonly { readonly value: T; readonly text: string; readonly title?: string }[];
  /** Undefined: none of them. */
  readonly value: T | undefined;
  readonly onChange: (value: T) => void;
}

export function Choice<T extends string>({ label, name, options, value, onChange }: ChoiceProps<T>): JSX.Element {
  return (
    <fieldset class="choice">
      <legend class="hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} title={option.title}>
          <input
            type="radio"
            name={name}
            value={option.value}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.text}
        </label>
      ))}
    </fieldset>
  );
}
