// Server-sent events over fetch, which unlike EventSource can bring a token and tells why it is refused.

import { RefusedError } from "../shared/refused-error.ts";
import { tokenHeaders } from "../shared/token-store.ts";

export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * Events until the server ends them.
 *
 * @throws {RefusedError} for an answer that is none
 * @throws {TypeError} when the server cannot be reached or is lost
 */
export async function* eventStream(url: URL, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const headers = { Accept: "text/event-stream", ...tokenHeaders() };
  const response = await fetch(url, { headers, signal, cache: "no-store" });
  if (!response.ok || !response.body) throw new RefusedError(response.status, "events");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) yield parsed(block);
  }
}

function parsed(block: string): ServerEvent {
  const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]));
  return { name: fields.get("event") ?? "message", data: fields.get("data") ?? "" };
}
