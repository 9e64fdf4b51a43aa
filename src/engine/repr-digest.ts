// What bytes on the web are said to be: the header field that names the SHA-256 of a file (RFC 9530), so that whoever downloads a
// part of a network notices when a proxy, a cache or a broken transfer has changed it.

import { sha256 } from "@noble/hashes/sha2.js";

export const REPR_DIGEST = "Repr-Digest";

/** @returns the value of the field. @example `sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:` */
export function reprDigest(bytes: Uint8Array): string {
  return `sha-256=:${btoa(String.fromCharCode(...sha256(bytes)))}:`;
}

/** @param field as it came; without one, or with other algorithms alone, everything is right */
export function isAsDigested(bytes: Uint8Array, field: string | null): boolean {
  const claims = field?.split(",").map((claim) => claim.trim()) ?? [];
  const claim = claims.find((one) => one.startsWith("sha-256="));
  return claim === undefined || claim === reprDigest(bytes);
}
