// What the console listens to: the server's last two minutes, then how it is doing, twice a second, as server-sent events.

import type { Watch } from "../console/watch.ts";
import { HttpError } from "./http-error.ts";
import type { HttpRequest, Route } from "./route.ts";

/** Consoles at the same time. */
const MAX_LISTENERS = 16;

export function consoleRoutes(watch: Watch): Route[] {
  let listeners = 0;
  async function* listen({ signal }: HttpRequest): AsyncGenerator<string> {
    listeners++;
    try {
      yield event("history", watch.history());
      // whoever reads slowly gets fewer of them, never old ones
      while (!signal.aborted && !watch.isClosed) {
        yield event("snapshot", watch.snapshot());
        await watch.next();
      }
    } finally {
      listeners--;
    }
  }
  return [
    {
      path: "/api/events",
      access: "operator",
      get(request) {
        if (listeners >= MAX_LISTENERS) throw new HttpError(503, "Too many consoles are open", { "Retry-After": "5" });
        // a proxy that waits for the end would wait for ever
        const headers = { "X-Accel-Buffering": "no" };
        return { contentType: "text/event-stream", headers, body: listen(request) };
      },
    },
  ];
}

/** JSON has no line breaks, which would end it. */
function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
