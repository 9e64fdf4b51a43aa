// The server's certificate, from files that are replaced while it runs: most are good for some weeks only.

import { readFile } from "node:fs/promises";
import { messageOf, SpinnError } from "../errors.ts";
import type { Certificate } from "../transport/index.ts";
import { checkCertificate } from "./check-certificate.ts";
import { watchFiles } from "./watch-files.ts";

/** PEM files. They are read again when they change; connections that are open go on. */
export interface TlsOptions {
  /** The certificate, with those of its issuers as far as clients do not have them. */
  readonly certFile: string;
  /** Its private key. */
  readonly keyFile: string;
}

/** @throws {SpinnError} FileAccess; InvalidData for files that no client could connect with, and why */
export async function readCertificate({ certFile, keyFile }: TlsOptions): Promise<Certificate> {
  const cert = await read(certFile);
  const key = await read(keyFile);
  checkCertificate({ cert, key }, { certFile, keyFile });
  return { cert, key };
}

/**
 * @param use takes a new certificate. @throws for one that does not fit its key, as when one file has changed and the other not yet
 * @param onError hears of what cannot be used; what was there before goes on to count
 * @returns ends that
 */
export function renewCertificate(
  options: TlsOptions,
  use: (certificate: Certificate) => void,
  onError: (error: unknown) => void,
  intervalMs?: number,
): () => void {
  const renew = async (): Promise<void> => {
    try {
      use(await readCertificate(options));
    } catch (cause) {
      const what = `The new certificate cannot be used: ${messageOf(cause)}`;
      onError(new SpinnError("InvalidData", what, { hint: "The one before goes on to count", cause }));
    }
  };
  return watchFiles({
    paths: () => [options.certFile, options.keyFile],
    onChange: () => void renew(),
    ...(intervalMs !== undefined && { intervalMs }),
  });
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new SpinnError("FileAccess", `Cannot read ${path}: ${messageOf(cause)}`, { hint: "Check the path", cause });
  }
}
