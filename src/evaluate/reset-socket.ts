// Resets a TCP connection whatever state it is in.

import type { Socket } from "node:net";

/**
 * The other side is told that the connection broke; whatever was under way is lost. Afterwards nothing happens.
 *
 * Between `end()` and "finish" Node 20 cannot reset a socket: `resetAndDestroy()` fails (EINVAL) and loses the handle, which stays
 * open and keeps the process from ever exiting. Such a socket is closed instead, and so is one that is not connected yet.
 */
export function resetSocket(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished;
  if (isEnding || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
