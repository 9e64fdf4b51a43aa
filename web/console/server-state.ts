// What the page knows of the server, as signals: fed by its events as long as somebody looks.

import { type Signal, signal } from "@preact/signals";
import type { ConsolePoint, ConsoleSnapshot } from "../../src/server/console/console-snapshot.ts";
import { RefusedError, tokenProblem } from "../shared/refused-error.ts";
import { keepToken, keptToken } from "../shared/token-store.ts";
import { eventStream, type ServerEvent } from "./event-stream.ts";

export type Connection =
  | { readonly kind: "connecting" | "live" | "paused" }
  /** Tried again soon. */
  | { readonly kind: "lost"; readonly reason: string }
  /** The server asks for a token, or for another one; why, where one was shown. */
  | { readonly kind: "token"; readonly problem: string };

export const connection: Signal<Connection> = signal({ kind: "connecting" });
export const snapshot: Signal<ConsoleSnapshot | undefined> = signal(undefined);
/** The oldest first; two minutes. */
export const history: Signal<readonly ConsolePoint[]> = signal([]);

const POINTS = 240;
const RETRY_MS = 2000;
let listening: AbortController | undefined;

/** Begins to listen, and does so again whenever the page comes back into sight. */
export function listen(): void {
  void keepListening();
  document.addEventListener("visibilitychange", () => {
    if (connection.value.kind === "paused" || connection.value.kind === "token") return;
    if (document.visibilityState === "visible") void keepListening();
    else listening?.abort();
  });
}

export function pause(): void {
  listening?.abort();
  connection.value = { kind: "paused" };
}

export function resume(): void {
  connection.value = { kind: "connecting" };
  void keepListening();
}

export function useToken(text: string): void {
  keepToken(text);
  resume();
}

async function keepListening(): Promise<void> {
  listening?.abort();
  const mine = new AbortController();
  listening = mine;
  while (!mine.signal.aborted) {
    try {
      for await (const event of eventStream(new URL("api/events", document.baseURI), mine.signal)) take(event);
      if (!mine.signal.aborted) lost("The server has ended the connection");
    } catch (error) {
      if (mine.signal.aborted) return;
      const problem = tokenProblem(error, keptToken());
      if (problem !== undefined) {
        connection.value = { kind: "token", problem };
        return;
      }
      lost(error instanceof RefusedError ? error.message : "The server cannot be reached");
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function lost(reason: string): void {
  connection.value = { kind: "lost", reason };
}

function take({ name, data }: ServerEvent): void {
  if (name === "history") history.value = JSON.parse(data) as ConsolePoint[];
  if (name !== "snapshot") return;
  const received = JSON.parse(data) as ConsoleSnapshot;
  snapshot.value = received;
  if (received.now.atMs > (history.value.at(-1)?.atMs ?? 0))
    history.value = [...history.value, received.now].slice(-POINTS);
  if (connection.value.kind !== "live") connection.value = { kind: "live" };
}
