// Where a server asks who looks at it.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { isTokenText } from "../../src/transport/bearer.ts";

export interface TokenFormProps {
  /** What it is for, as a sentence. */
  readonly text: string;
  /** Why the one before will not do; empty for none. */
  readonly problem: string;
  readonly onToken: (token: string) => void;
}

export function TokenForm({ text, problem, onToken }: TokenFormProps): JSX.Element {
  const [isMistyped, setMistyped] = useState(false);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const token = String(new FormData(event.currentTarget as HTMLFormElement).get("token")).trim();
    setMistyped(!isTokenText(token));
    if (isTokenText(token)) onToken(token);
  };
  const shown = isMistyped ? "A token consists of letters, digits and . _ ~ + - alone." : problem;
  return (
    <form class="token" onSubmit={submit}>
      <label for="token">{text}</label>
      <input id="token" name="token" type="password" autoComplete="current-password" required />
      <button class="primary" type="submit">
        Use it
      </button>
      {shown !== "" && (
        <p class="notice" role="alert">
          {shown}
        </p>
      )}
    </form>
  );
}
