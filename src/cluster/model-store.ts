// Networks' files in NATS' object store, under the hashes of their bytes: what was downloaded is what was deployed, or it is not used.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Objm } from "@nats-io/obj";
import type { NatsConnection } from "@nats-io/transport-node";
import { messageOf, SpinnError } from "../errors.ts";
import type { Deployment } from "./deployment.ts";
import { jetStreamFailure } from "./jetstream-failure.ts";
import { MODELS_BUCKET } from "./subjects.ts";

export interface ModelStore {
  /**
   * Stores a network's file; one that is there already is left as it is.
   *
   * @returns SHA-256 of the bytes, in hexadecimal digits
   * @throws {SpinnError} Connection
   */
  put(bytes: Uint8Array): Promise<string>;
  /**
   * Downloads a deployment's file, unless that was done before.
   *
   * @param folder made when needed
   * @returns where it is
   * @throws {SpinnError} InvalidData when it is not there or not the one that was deployed; Connection, FileAccess
   */
  fetch(deployment: Deployment, folder: string): Promise<string>;
}

/** @throws {SpinnError} Connection */
export async function openModels(nats: NatsConnection): Promise<ModelStore> {
  const store = await new Objm(nats).create(MODELS_BUCKET).catch((cause: unknown) => {
    throw jetStreamFailure("open the store of networks", cause);
  });
  return {
    async put(bytes) {
      const fileHash = createHash("sha256").update(bytes).digest("hex");
      try {
        const info = await store.info(fileHash);
        if (!info || info.deleted) await store.putBlob({ name: fileHash }, bytes);
        return fileHash;
      } catch (cause) {
        throw jetStreamFailure("store the network", cause);
      }
    },

    async fetch(deployment, folder) {
      const { fileHash } = deployment;
      const path = join(folder, `${fileHash}.onnx`);
      if (await isThere(path)) {
        if ((await hashOfFile(path)) === fileHash) return path;
        await rm(path, { force: true });
      }
      const found = await store.get(fileHash).catch((cause: unknown) => {
        throw jetStreamFailure(`download ${nameOf(deployment)}`, cause);
      });
      if (!found) throw invalid(deployment, "its file is not in the store");
      const temporary = `${path}.${process.pid}.tmp`;
      try {
        await mkdir(folder, { recursive: true });
        const received = await writeTo(temporary, found.data);
        const error = await found.error;
        if (error) throw jetStreamFailure(`download ${nameOf(deployment)}`, error);
        if (received !== fileHash) throw invalid(deployment, "its file is another one");
        await rename(temporary, path);
      } catch (cause) {
        await rm(temporary, { force: true });
        if (cause instanceof SpinnError) throw cause;
        const why = messageOf(cause);
        throw new SpinnError("FileAccess", `Cannot keep ${nameOf(deployment)} in ${folder}: ${why}`, { cause });
      }
      return path;
    },
  };
}

/** @returns the hash of what was written */
async function writeTo(path: string, data: ReadableStream<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path, "w");
  try {
    for await (const chunk of data) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  } catch (cause) {
    throw new SpinnError("FileAccess", `Cannot read ${path}`, { hint: "Check the path", cause });
  }
  return hash.digest("hex");
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function nameOf({ name, version }: Deployment): string {
  return `${name}@${version}`;
}

function invalid(deployment: Deployment, why: string): SpinnError {
  return new SpinnError("InvalidData", `${nameOf(deployment)} cannot be served: ${why}`, {
    hint: "Deploy it again with `spinn deploy`",
  });
}
