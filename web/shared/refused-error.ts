// An answer of the server that is not what was asked for.

export class RefusedError extends Error {
  readonly status: number;

  /** @param what was asked for */
  constructor(status: number, what: string) {
    super(`The server answers ${status} to ${what}`);
    this.name = "RefusedError";
    this.status = status;
  }
}

/** Who is not let in: why, in words for the one who gave the token; undefined where it is something else. */
export function tokenProblem(error: unknown, token: string): string | undefined {
  if (!(error instanceof RefusedError)) return undefined;
  if (error.status === 401) return token === "" ? "" : "The server does not accept this token.";
  return error.status === 403 ? "The server knows this token, but it may not see this page." : undefined;
}
