// Which route a path belongs to. Pure; a path is compared segment by segment and never becomes one of the file system.

import { HttpError } from "./http-error.ts";
import type { Route } from "./route.ts";

export interface Match {
  readonly route: Route;
  /** What stands for the route's `:name`s, decoded. */
  readonly parts: Readonly<Record<string, string>>;
}

/**
 * @param path begins with a slash, percent-encoded
 * @returns the first route that fits; undefined when there is none
 * @throws {HttpError} 400 when it is badly encoded
 */
export function matchRoute(routes: readonly Route[], path: string): Match | undefined {
  const segments = path.split("/").map(decoded);
  for (const route of routes) {
    const parts = fitting(route.path.split("/"), segments);
    if (parts) return { route, parts };
  }
  return undefined;
}

function fitting(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parts: Record<string, string> = {};
  for (const [i, wanted] of pattern.entries()) {
    const given = segments[i]!;
    if (wanted.startsWith(":") && given !== "") parts[wanted.slice(1)] = given;
    else if (wanted !== given) return undefined;
  }
  return parts;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new HttpError(400, "The path is badly encoded");
  }
}
