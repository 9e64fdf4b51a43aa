// Certificates for tests: for 127.0.0.1, signed by themselves.

import { generate } from "selfsigned";

/** PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

export const DAY_MS = 86_400_000;

/** @param fromMs, untilMs how far from now it begins and ceases to be valid */
export async function certificatePair(fromMs: number = -DAY_MS, untilMs: number = DAY_MS): Promise<CertificatePair> {
  const { cert, private: key } = await generate([{ name: "commonName", value: "spinn test" }], {
    keyType: "ec",
    algorithm: "sha256",
    notBeforeDate: new Date(Date.now() + fromMs),
    notAfterDate: new Date(Date.now() + untilMs),
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  return { cert, key };
}
