// What bytes on the web are said to be: the header field that names the SHA-256 of a file (RFC 9530), so that whoever downloads a
// part of a network notices when a proxy, a cache or a broken transfer has changed it.

export const REPR_DIGEST = "Repr-Digest";

/**
 * @returns the value of the field; undefined where the platform has no SHA-256: in pages that did not come by https
 * @example `sha-256=:A5BYxvLAyzJF9RtI0A6lJtsAYGNWzEHIG5yK0/4Imoc=:`
 */
export async function reprDigest(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  if (globalThis.crypto?.subtle === undefined) return undefined;
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return `sha-256=:${btoa(String.fromCharCode(...hash))}:`;
}

/** @param field as it came; without one, or with other algorithms alone, or where nobody can tell, everything is right */
export async function isAsDigested(bytes: Uint8Array<ArrayBuffer>, field: string | null): Promise<boolean> {
  const claims = field?.split(",").map((claim) => claim.trim()) ?? [];
  const claim = claims.find((one) => one.startsWith("sha-256="));
  return claim === undefined || claim === ((await reprDigest(bytes)) ?? claim);
}
