// The server's HTTP side: finds the route, asks whether it is allowed, and sends what the handler says. Whatever a request is, at
// worst it is answered with an error.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { isSpinnError, messageOf } from "../../errors.ts";
import { clientAddress } from "../../transport/client-address.ts";
import { crossOriginHeaders, preflightHeaders } from "./cross-origin.ts";
import { HttpError } from "./http-error.ts";
import { type Match, matchRoute } from "./match-route.ts";
import { readBody } from "./read-body.ts";
import { type Access, type HttpRequest, json, type Method, type Reply, type Route } from "./route.ts";
import { securityHeaders } from "./security-headers.ts";
import { sendReply } from "./send-reply.ts";

/**
 * May this request see what needs this access?
 *
 * @returns who asks, where that was proved
 * @throws {HttpError} 401 or 403 when it may not
 */
export type Authorize = (request: HttpRequest, access: Access) => Promise<string | undefined>;

export interface RouterOptions {
  /** The first that fits answers. */
  readonly routes: readonly Route[];
  /** @default everything is allowed */
  readonly authorize?: Authorize;
  /** Origins whose pages may read the routes that are for them; `*`: all. @default none */
  readonly allowedOrigins?: readonly string[];
  /** Hears of what is the server's own fault. */
  readonly onError?: (error: unknown) => void;
  /** Hears of every answer. @param route as in the table; empty: there is none for what was asked */
  readonly onReply?: (route: string, method: string, status: number) => void;
}

export function createRouter(options: RouterOptions): RequestListener {
  const { onError = () => undefined } = options;
  return (request, response) => {
    // Somebody who leaves meanwhile is no news.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    answer(request, response, options).catch((error: unknown) => {
      onError(error);
      response.destroy();
    });
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, options: RouterOptions): Promise<void> {
  const { routes, allowedOrigins = [], onReply } = options;
  let route = "";
  let extra: Readonly<Record<string, string>> = securityHeaders;
  let reply: Reply;
  try {
    const [path, search] = pathAndQuery(request.url ?? "");
    const match = matchRoute(routes, path);
    if (!match) throw new HttpError(404, "There is nothing here");
    route = match.route.path;
    if (match.route.crossOrigin) extra = { ...extra, ...crossOriginHeaders(request.headers, allowedOrigins) };
    reply = await replyOf(request, response, { ...match, path, search }, options);
  } catch (error) {
    reply = errorReply(error, options);
  }
  if (!response.destroyed) await sendReply(request, response, reply, extra);
  onReply?.(route, methodOf(request), response.statusCode);
}

async function replyOf(
  request: IncomingMessage,
  response: ServerResponse,
  { route, parts, path, search }: Match & Pick<HttpRequest, "path" | "search">,
  { authorize }: RouterOptions,
): Promise<Reply> {
  const { headers, socket } = request;
  if (request.method === "OPTIONS" && route.crossOrigin)
    return { status: 204, contentType: "", body: "", headers: preflightHeaders };
  const method = methodOf(request);
  const handler = method === "GET" ? route.get : method === "POST" ? route.post : undefined;
  if (!handler || method === "other") {
    const allow = [...(route.get ? ["GET", "HEAD"] : []), ...(route.post ? ["POST"] : [])].join(", ");
    throw new HttpError(405, `This takes ${allow} only`, { Allow: allow });
  }
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const asked: HttpRequest = {
    method,
    path,
    search,
    headers,
    client: clientAddress(socket.remoteAddress),
    signal: gone.signal,
    body: (maxBytes) => readBody(request, maxBytes),
  };
  const client = await authorize?.(asked, route.access);
  return await handler(client === undefined ? asked : { ...asked, client }, parts);
}

/** HEAD is a GET whose body is not sent. */
function methodOf({ method }: IncomingMessage): Method | "other" {
  if (method === "GET" || method === "HEAD") return "GET";
  return method === "POST" ? "POST" : "other";
}

/** @throws {HttpError} 400 for a target that is no path, such as a proxy is sent */
function pathAndQuery(target: string): [path: string, search: string] {
  if (!target.startsWith("/")) throw new HttpError(400, "The request's target must be a path");
  const end = target.indexOf("?");
  return end < 0 ? [target, ""] : [target.slice(0, end), target.slice(end)];
}

function errorReply(error: unknown, { onError = () => undefined }: RouterOptions): Reply {
  if (error instanceof HttpError) {
    const { status, message, headers } = error;
    return json({ error: message }, { status, headers });
  }
  if (isSpinnError(error, "Overloaded"))
    return json({ error: messageOf(error) }, { status: 503, headers: { "Retry-After": "1" } });
  onError(error);
  return json({ error: "The server failed" }, { status: 500 });
}
