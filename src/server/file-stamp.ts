// Tells a file from what it was before, without reading it.

import { stat } from "node:fs/promises";

/** Empty when there is no such file. */
export async function fileStamp(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs } = await stat(path);
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    return "";
  }
}
