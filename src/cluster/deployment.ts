// What is to be served, as it lies in the key-value store: a network's name and version, its file, and its limits.

import { z } from "zod";
import { SpinnError } from "../errors.ts";
import { label } from "../onnx/label.ts";

/** Of a name or a version: what may stand in a key of the store, and in a path. */
const word = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "letters, digits, - and _, at most 64");

/** @throws {SpinnError} Usage for what no deployment can be called */
export function checkDeploymentName({ name, version }: Pick<Deployment, "name" | "version">): void {
  for (const [what, text] of [["name", name] as const, ["version", version] as const])
    if (!word.safeParse(text).success)
      throw new SpinnError("Usage", `A deployment's ${what} cannot be ${label(text)}`, {
        hint: "It must have letters, digits, - and _, at most 64",
      });
}

/** Plain JSON. */
export interface Deployment {
  readonly name: string;
  readonly version: string;
  /** Names the network: 32 hexadecimal digits. */
  readonly hash: string;
  /** SHA-256 of its file. */
  readonly fileHash: string;
  /** Runs that wait at one gateway; more are refused as busy. */
  readonly maxQueued: number;
}

const deployment: z.ZodType<Deployment> = z.strictObject({
  name: word,
  version: word,
  hash: z.string().regex(/^[0-9a-f]{32}$/, "32 hexadecimal digits"),
  fileHash: z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits"),
  maxQueued: z.int().min(1).max(1_000_000).default(256),
});

export function deploymentKey({ name, version }: Pick<Deployment, "name" | "version">): string {
  return `${name}.${version}`;
}

/** @throws {SpinnError} InvalidData for anything else than a deployment under its own key */
export function parseDeployment(key: string, text: string): Deployment {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(key, "it is not JSON", cause);
  }
  const parsed = deployment.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw invalid(key, `${issue?.path.join(".") || "all of it"}: ${issue?.message}`);
  }
  if (deploymentKey(parsed.data) !== key) throw invalid(key, "it is another one's");
  return parsed.data;
}

function invalid(key: string, why: string, cause?: unknown): SpinnError {
  const hint = "Deploy the network again with `spinn deploy`";
  return new SpinnError("InvalidData", `Deployment ${JSON.stringify(key)} is damaged: ${why}`, { hint, cause });
}
