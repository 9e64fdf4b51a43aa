// Would clients accept this certificate, and is that its key? Asked before a server listens with it: OpenSSL's own words name
// neither the file nor what to do, and an expired one it takes without a word.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { SpinnError } from "../errors.ts";

/**
 * @param files only named
 * @param nowMs since 1970
 * @throws {SpinnError} InvalidData that names the file, and repeats nothing of what is in it
 */
export function checkCertificate(
  { cert, key }: { readonly cert: Buffer; readonly key: Buffer },
  { certFile, keyFile }: { readonly certFile: string; readonly keyFile: string },
  nowMs: number = Date.now(),
): void {
  const certificate = readLeaf(cert, certFile);
  if (!certificate.checkPrivateKey(readKey(key, keyFile)))
    throw wrong(`${keyFile} is not the key of the certificate in ${certFile}`, {
      hint: "Name the key that it was made with; of several certificates in the file, the server's own must come first",
    });
  const { validFrom, validTo } = certificate;
  if (nowMs > Date.parse(validTo))
    throw wrong(`The certificate in ${certFile} has expired: it was valid until ${day(validTo)}`, { hint: "Renew it" });
  if (nowMs < Date.parse(validFrom))
    throw wrong(`The certificate in ${certFile} is not valid before ${day(validFrom)}`, {
      hint: "Wait until then, or check this machine's clock",
    });
}

function readLeaf(pem: Buffer, file: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    const hint = "It must be PEM, and begin with -----BEGIN CERTIFICATE-----";
    throw wrong(`${file} is no certificate`, { hint, cause });
  }
}

function readKey(pem: Buffer, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    if (/ENCRYPTED/.test(pem.toString("latin1")))
      throw wrong(`The key in ${file} is protected by a passphrase, which nobody can be asked for`, {
        hint: `Write one without: openssl pkey -in ${file} -out plain.pem`,
        cause,
      });
    const hint = "It must be PEM, and begin with -----BEGIN PRIVATE KEY-----";
    throw wrong(`${file} is no private key`, { hint, cause });
  }
}

function wrong(what: string, options: { readonly hint: string; readonly cause?: unknown }): SpinnError {
  return new SpinnError("InvalidData", what, options);
}

/** @example day("Jun  3 10:00:00 2026 GMT") === "2026-06-03" */
function day(date: string): string {
  return new Date(date).toISOString().slice(0, 10);
}
