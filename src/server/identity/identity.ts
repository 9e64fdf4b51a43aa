// Who is a client? The one question of the server's door, over WebSocket and HTTP alike: what is a token worth.

import type { Connection } from "../../transport/index.ts";

/** Whom a token belongs to. */
export interface Holder {
  /** Names it in logs, metrics and limits; nothing secret. */
  readonly client: string;
  /** May it see how the server is doing: console, metrics? */
  readonly isOperator: boolean;
  /** Milliseconds for which this is good. */
  readonly forMs?: number;
}

/** @returns why not, in one line for whoever showed it; it never repeats the token */
export type CheckToken = (token: string) => Promise<Holder | { readonly problem: string }>;

/**
 * @param checks asked in turn; the first that knows the token decides, and otherwise the last says why not
 */
export function firstThatKnows(checks: readonly CheckToken[]): CheckToken {
  return async (token) => {
    let answer: Awaited<ReturnType<CheckToken>> = { problem: "The token is not known here" };
    for (const check of checks) {
      answer = await check(token);
      if ("client" in answer) return answer;
    }
    return answer;
  };
}

/** @returns for a transport: who shows this token, or why that is not known */
export function introducer(
  check: CheckToken,
): (token: string | undefined) => Promise<Pick<Connection, "client" | "clientForMs" | "problem">> {
  return async (token) => {
    if (token === undefined) return { problem: "A token is needed" };
    const holder = await check(token);
    if ("problem" in holder) return holder;
    const { client, forMs } = holder;
    return { client, ...(forMs !== undefined && { clientForMs: forMs }) };
  };
}
