// The token that a command shows to a server. Not an argument: those are seen by everybody on the machine.

import { readFile } from "node:fs/promises";
import { messageOf, SpinnError } from "../errors.ts";
import type { Token } from "../transport/index.ts";

/**
 * @param path of a file that holds it; absent: the environment's SPINN_TOKEN, if there is one
 * @returns read anew for each connection, so that it may be renewed in the file
 * @throws {SpinnError} FileAccess
 */
export async function readToken(path: string | undefined): Promise<Token | undefined> {
  if (path === undefined) return process.env.SPINN_TOKEN || undefined;
  const read = async (): Promise<string> => (await readFile(path, "utf8")).trim();
  try {
    await read();
  } catch (cause) {
    throw new SpinnError("FileAccess", `Cannot read the token in ${path}: ${messageOf(cause)}`, {
      hint: "Check the path",
      cause,
    });
  }
  return read;
}
