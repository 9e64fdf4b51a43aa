// What `spinn serve --config` reads: the server's options as one JSON file. What it does not know is an error that names the place,
// since a limit that is spelled wrong is no limit.

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { messageOf, SpinnError } from "../errors.ts";
import type { TokenOptions } from "./identity/open-identity.ts";
import { placeOfJsonError } from "./json-place.ts";
import { type NamedModelFile, namedModelFiles } from "./model-file.ts";
import type { ServeOptions } from "./serve.ts";

/** Plain JSON; paths are absolute. */
export interface ServerConfig
  extends Omit<ServeOptions, "models" | "samples" | "onError" | "onEvent" | "onModels" | "cacheFolder"> {
  /** None: they are given in another way. */
  readonly models: readonly NamedModelFile[];
  /** A data set's name, or a folder. */
  readonly samples?: string;
}

/** An object that has no other keys than these. */
function strict<S extends z.ZodRawShape>(shape: S): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === "unrecognized_keys"
        ? `there is no ${keys?.join(", ")} here; allowed are ${Object.keys(shape).join(", ")}`
        : undefined,
  });
}

const count = z.int().positive();
const amount = z.number().positive();
const text = z.string().min(1);
const model = strict({
  path: text,
  name: text.max(128).optional(),
  version: text.max(64).optional(),
  workers: count.optional(),
  batching: z.boolean().optional(),
});
const schema = strict({
  /** For editors. */
  $schema: z.string().optional(),
  models: z
    .array(z.preprocess((value) => (typeof value === "string" ? { path: value } : value), model))
    .min(1)
    .optional(),
  host: text.optional(),
  port: z.int().min(0).max(65_535).optional(),
  workers: count.optional(),
  threads: count.optional(),
  executionProviders: z.array(text).min(1).optional(),
  batching: z.boolean().optional(),
  maxQueued: count.optional(),
  maxInFlight: count.optional(),
  maxConnections: count.optional(),
  samples: text.optional(),
  allowedOrigins: z.array(text).optional(),
  maxConnectionsPerAddress: count.optional(),
  maxNewConnectionsPerSecond: count.optional(),
  tokens: strict({
    clientsFile: text.optional(),
    jwt: strict({
      keyFile: text,
      issuer: text.optional(),
      audience: text.optional(),
      clockToleranceS: amount.optional(),
    }).optional(),
  }).optional(),
  tls: strict({ certFile: text, keyFile: text }).optional(),
  limits: strict({
    runsPerSecond: amount.optional(),
    bytesPerSecond: amount.optional(),
    maxInFlight: count.optional(),
    quota: strict({
      windowMs: amount.optional(),
      bytes: amount.optional(),
      computeMs: amount.optional(),
    }).optional(),
  }).optional(),
});

/**
 * @returns the models' paths as seen from the file's folder
 * @throws {SpinnError} FileAccess when it cannot be read; Usage when it is not what it should be, with the place
 */
export async function readConfig(path: string): Promise<ServerConfig> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (cause) {
    const what = `Cannot read the configuration ${path}: ${messageOf(cause)}`;
    throw new SpinnError("FileAccess", what, { hint: "Check the path", cause });
  }
  return parseConfig(content, path);
}

/** @throws {SpinnError} Usage */
export function parseConfig(content: string, path: string): ServerConfig {
  const wrong = (what: string, hint?: string): SpinnError =>
    new SpinnError("Usage", `${path}: ${what}`, { ...(hint !== undefined && { hint }) });
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    // what the parser says quotes the file, in which a secret may stand
    throw wrong(`it is no JSON at ${placeOfJsonError(content)}`, "Check commas, quotation marks and brackets there");
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw wrong(parsed.error.issues.slice(0, 3).map(problem).join("; "));
  const { $schema: _, models = [], tokens, tls, ...settings } = parsed.data;
  const folder = dirname(resolve(path));
  const seen = (file: string): string => resolve(folder, file);
  try {
    const files = models.map((one) => ({ ...defined(one), path: seen(one.path) }));
    return {
      ...defined(settings),
      ...(tls && { tls: { certFile: seen(tls.certFile), keyFile: seen(tls.keyFile) } }),
      ...(tokens && { tokens: tokensSeenFrom(tokens, seen) }),
      models: namedModelFiles(files),
    };
  } catch (error) {
    throw wrong(messageOf(error));
  }
}

function tokensSeenFrom({ clientsFile, jwt }: TokenOptions, seen: (file: string) => string): TokenOptions {
  return {
    ...(clientsFile !== undefined && { clientsFile: seen(clientsFile) }),
    ...(jwt && { jwt: { ...jwt, keyFile: seen(jwt.keyFile) } }),
  };
}

/** `models[1].workers: …` */
function problem({ path, message }: z.core.$ZodIssue): string {
  const place = path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  return place === "" ? message : `${place.replace(/^\./, "")}: ${message}`;
}

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without what was left out: to say nothing is not to say undefined. */
function defined<T extends object>(value: T): Defined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as Defined<T>;
}
