// What tokens a server takes, as it was told; files are read again when they change.

import { readFile } from "node:fs/promises";
import { z } from "zod";
import { messageOf, SpinnError } from "../../errors.ts";
import { placeOfJsonError } from "../json-place.ts";
import { watchFiles } from "../watch-files.ts";
import { type CheckToken, firstThatKnows } from "./identity.ts";
import { type JwtOptions, jwtTokens } from "./jwt-tokens.ts";
import { type StaticClient, staticClientsSchema, staticTokens } from "./static-tokens.ts";

/** At least one of them. A token counts that one of them knows. */
export interface TokenOptions {
  readonly clients?: readonly StaticClient[] | undefined;
  /** A JSON file with a list as `clients`. Tokens that leave it are good no longer for new connections. */
  readonly clientsFile?: string | undefined;
  readonly jwt?: JwtOptions | undefined;
}

export interface Identity {
  readonly check: CheckToken;
  close(): void;
}

export interface IdentitySurroundings {
  /** Hears when a changed file cannot be used; what was there before goes on to count. */
  readonly onError?: (error: unknown) => void;
  /** Between two looks at the files. @default 1000 */
  readonly intervalMs?: number;
}

/**
 * @throws {SpinnError} FileAccess, InvalidData for a file that cannot be used
 * @throws {RangeError} when nobody could have a token
 */
export async function openIdentity(options: TokenOptions, around: IdentitySurroundings = {}): Promise<Identity> {
  const { clients, clientsFile, jwt } = options;
  const { onError = () => undefined, intervalMs } = around;
  if (!clients && clientsFile === undefined && !jwt)
    throw new RangeError("Tokens need a list of clients or the key that signs them");
  const open = async (): Promise<CheckToken> => {
    const checks: CheckToken[] = [];
    if (clients) checks.push(staticTokens(checked(clients, "The list of clients")));
    if (clientsFile !== undefined) checks.push(staticTokens(checked(await readJson(clientsFile), clientsFile)));
    if (jwt) checks.push(jwtTokens(await read(jwt.keyFile), jwt));
    return firstThatKnows(checks);
  };
  let check = await open();
  const files = [clientsFile, jwt?.keyFile].filter((path) => path !== undefined);
  const close = watchFiles({
    paths: () => files,
    onChange: () => {
      open().then((next) => {
        check = next;
      }, onError);
    },
    ...(intervalMs !== undefined && { intervalMs }),
  });
  return { check: (token) => check(token), close };
}

/** @throws {SpinnError} InvalidData that says where, and repeats nothing of what is there */
function checked(value: unknown, where: string): readonly StaticClient[] {
  const result = staticClientsSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = issue && issue.path.length > 0 ? ` at ${z.core.toDotPath(issue.path)}` : "";
  // a field that is not known may be a token in the wrong place
  const why = issue?.code === "unrecognized_keys" ? "it has a field that is not known" : issue?.message;
  throw new SpinnError("InvalidData", `${where} is no list of clients${place}: ${why}`, {
    hint: 'It must be like [{ "name": "camera-7", "token": "…" }]',
  });
}

async function readJson(path: string): Promise<unknown> {
  const text = new TextDecoder().decode(await read(path));
  try {
    return JSON.parse(text);
  } catch {
    // what the parser says quotes the file
    throw new SpinnError("InvalidData", `${path} is no JSON at ${placeOfJsonError(text)}`, {
      hint: "Check commas, quotation marks and brackets there",
    });
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new SpinnError("FileAccess", `Cannot read ${path}: ${messageOf(cause)}`, { hint: "Check the path", cause });
  }
}
