// Where a server asks who looks at it.

import type { JSX } from "preact";
import { useToken } from "./server-state.ts";

export function TokenForm({ wrong }: { readonly wrong: boolean }): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const text = new FormData(event.currentTarget as HTMLFormElement).get("token");
    if (typeof text === "string") useToken(text.trim());
  };
  return (
    <form class="token" onSubmit={submit}>
      <label for="token">This server shows its console to who has a token.</label>
      <input id="token" name="token" type="password" autoComplete="current-password" required />
      <button class="primary" type="submit">
        Look
      </button>
      {wrong && (
        <p class="notice" role="alert">
          The server does not accept this token.
        </p>
      )}
    </form>
  );
}
