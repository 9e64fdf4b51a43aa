// Tokens that stand in a list, each with the client's name. The list may hold hashes instead, so that it is no secret itself.

import { createHash } from "node:crypto";
import { z } from "zod";
import { isTokenText } from "../../transport/bearer.ts";
import type { CheckToken, Holder } from "./identity.ts";

/** Exactly one of `token` and `sha256`. */
export interface StaticClient {
  /** Names the client in logs, console and limits: 1 to 64 letters, digits and . _ - @ : */
  readonly name: string;
  /** 16 to 4096 letters, digits and . _ ~ + - */
  readonly token?: string | undefined;
  /** Of the token, in hexadecimal digits, where the list is not to hold the token itself. */
  readonly sha256?: string | undefined;
  /** `operator` may see console and metrics, too. @default "device" */
  readonly access?: "device" | "operator" | undefined;
}

/** Shorter ones could be tried out. */
const LEAST_LENGTH = 16;

const clientSchema: z.ZodType<StaticClient> = z
  .strictObject({
    name: z.string().regex(/^[\w.@:-]{1,64}$/, "must be 1 to 64 letters, digits and . _ - @ :"),
    token: z
      .string()
      .min(LEAST_LENGTH, `must have at least ${LEAST_LENGTH} characters`)
      .refine(isTokenText, "must consist of letters, digits and . _ ~ + -")
      .optional(),
    sha256: z
      .string()
      .regex(/^[0-9a-fA-F]{64}$/, "must be 64 hexadecimal digits")
      .optional(),
    access: z.enum(["device", "operator"]).optional(),
  })
  .refine((client) => (client.token === undefined) !== (client.sha256 === undefined), "needs either token or sha256");

/** `[{ "name": "camera-7", "token": "…" }, { "name": "me", "sha256": "…", "access": "operator" }]` */
export const staticClientsSchema: z.ZodType<readonly StaticClient[]> = z
  .array(clientSchema)
  .min(1, "must name a client");

/** @param clients as the schema has checked them */
export function staticTokens(clients: readonly StaticClient[]): CheckToken {
  // Found by its hash: how long a look-up takes tells nothing of a token that nobody has.
  const holders = new Map<string, Holder>();
  for (const { name, token, sha256, access } of clients) {
    const hash = token === undefined ? sha256!.toLowerCase() : hashOf(token);
    holders.set(hash, { client: name, isOperator: access === "operator" });
  }
  return async (token) => holders.get(hashOf(token)) ?? { problem: "The token is not known here" };
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
