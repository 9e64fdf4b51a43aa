// Who may see what over HTTP: by token, where the server asks for one, and never a foreign page's doing.

import { bearerOf } from "../../transport/bearer.ts";
import type { CheckToken } from "../identity/identity.ts";
import { HttpError } from "./http-error.ts";
import type { Authorize } from "./router.ts";

export interface AuthorizeOptions {
  /** Absent: nobody has to say who they are. */
  readonly check?: CheckToken;
  /** May pages of this origin make the server work? */
  readonly allowsOrigin: (origin: string, host: string | undefined) => boolean;
}

export function createAuthorize({ check, allowsOrigin }: AuthorizeOptions): Authorize {
  return async ({ method, headers }, access) => {
    const { origin, host, authorization } = headers;
    // Browsers keep answers from pages that may not read them, but ask all the same.
    if (method === "POST" && origin !== undefined && !allowsOrigin(origin, host))
      throw new HttpError(403, "Pages of this origin may not do that");
    if (access === "public" || !check) return undefined;
    const token = bearerOf(authorization, undefined);
    if (token === undefined) throw unauthorized("A token is needed", "");
    const holder = await check(token);
    if ("problem" in holder) throw unauthorized(holder.problem, ' error="invalid_token"');
    if (access === "operator" && !holder.isOperator) throw new HttpError(403, "This takes an operator's token");
    return holder.client;
  };
}

function unauthorized(message: string, challenge: string): HttpError {
  return new HttpError(401, message, { "WWW-Authenticate": `Bearer realm="spinn"${challenge && `,${challenge}`}` });
}
