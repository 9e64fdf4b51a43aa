// How a WebSocket ends, in words: for both sides, in Node and in a page.

/** What a close code means when no reason came with it. */
export const endings: Readonly<Record<number, string>> = {
  1001: "the other side went away",
  1003: "the other side takes no text",
  1005: "closed",
  1006: "connection lost",
  1009: "a message exceeds what the other side takes",
};

/** Of the protocol: room for the reason in a closing frame. */
const MAX_REASON_BYTES = 123;

/** What fits in a closing frame. */
export function shortened(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  return bytes.length <= MAX_REASON_BYTES ? reason : new TextDecoder().decode(bytes.subarray(0, MAX_REASON_BYTES - 2));
}

/** @throws {RangeError} for what no WebSocket can be opened to, and for URLs with secrets in them, which are not repeated */
export function checkWebSocketUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && (parsed.username !== "" || parsed.password !== ""))
    throw new RangeError("A WebSocket URL must not hold a name or a password");
  if (parsed && /^wss?:$/.test(parsed.protocol)) return;
  // before an @ a secret may stand, in whatever this is
  const shown = url.includes("@") ? "" : `: ${JSON.stringify(shownUrl(url))}`;
  throw new RangeError(`Not a WebSocket URL${shown}. It must be ws://host:port or wss://host:port`);
}

/** As it may be shown and logged: what is behind a question mark may be secret. */
export function shownUrl(url: string): string {
  return url.replace(/[?#].*$/s, "");
}
