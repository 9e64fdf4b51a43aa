// JSON Web Tokens: signed by somebody whom the server trusts, good until they expire. The key decides which algorithm counts, never
// the token.

import { createPublicKey, type KeyObject } from "node:crypto";
import { createLocalJWKSet, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { messageOf, SpinnError } from "../../errors.ts";
import type { CheckToken } from "./identity.ts";

export interface JwtOptions {
  /**
   * A file with the issuer's keys: a JSON Web Key Set, a public key or certificate as PEM, or a secret of 32 bytes at least for HS256.
   * The algorithms are RS256, ES256 and EdDSA otherwise, as the key is.
   */
  readonly keyFile: string;
  /** Whose tokens count (`iss`). @default everybody's whose signature is right */
  readonly issuer?: string | undefined;
  /** Whom they must be for (`aud`). @default nobody in particular: a token for somebody is refused */
  readonly audience?: string | undefined;
  /** How wrong clocks may be. @default 5 */
  readonly clockToleranceS?: number | undefined;
}

/** In a token's `scope` (RFC 8693): may see console and metrics. */
const OPERATOR_SCOPE = "spinn:operator";
const LEAST_SECRET_BYTES = 32;
/** Of RSA keys, those that RS256 takes. */
const LEAST_RSA_BITS = 2048;

/**
 * @param key what the key file holds
 * @throws {SpinnError} InvalidData when that is no key; the message does not repeat it
 */
export function jwtTokens(key: Uint8Array, options: JwtOptions, now: () => Date = () => new Date()): CheckToken {
  const { keyFile, issuer, audience, clockToleranceS: clockTolerance = 5 } = options;
  const keys = keysOf(key, keyFile);
  const rules = {
    algorithms: [...keys.algorithms],
    clockTolerance,
    requiredClaims: ["exp", "sub"],
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
  } satisfies JWTVerifyOptions;
  return async (token) => {
    const currentDate = now();
    let payload: JWTPayload;
    try {
      payload = await keys.verify(token, { ...rules, currentDate });
    } catch (error) {
      return { problem: problemOf(error) };
    }
    const { sub = "", exp = 0, aud, scope } = payload;
    if (aud !== undefined && audience === undefined) return { problem: "The token is for another server" };
    if (!/^[\x21-\x7e]{1,64}$/.test(sub))
      return { problem: "The token's subject is no name: 1 to 64 ASCII characters" };
    const isOperator = typeof scope === "string" && scope.split(" ").includes(OPERATOR_SCOPE);
    return { client: sub, isOperator, forMs: 1000 * (exp + clockTolerance) - currentDate.getTime() };
  };
}

interface Keys {
  readonly algorithms: readonly string[];
  verify(token: string, rules: JWTVerifyOptions): Promise<JWTPayload>;
}

function keysOf(bytes: Uint8Array, path: string): Keys {
  const text = new TextDecoder().decode(bytes).trim();
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw noKey(path, "it holds a private key", "Give the server the public one");
  if (text.startsWith("-----BEGIN ")) return publicKey(text, path);
  if (text.startsWith("{")) return keySet(text, path);
  const secret = new TextEncoder().encode(text);
  if (secret.length < LEAST_SECRET_BYTES)
    throw noKey(path, `a secret must have at least ${LEAST_SECRET_BYTES} bytes`, "Make one: openssl rand -hex 32");
  return withKey(secret, "HS256");
}

function publicKey(pem: string, path: string): Keys {
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw noKey(path, messageOf(cause), "It must be a public key or a certificate");
  }
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa" && modulusLength >= LEAST_RSA_BITS) return withKey(key, "RS256");
  if (key.asymmetricKeyType === "ec" && namedCurve === "prime256v1") return withKey(key, "ES256");
  if (key.asymmetricKeyType === "ed25519") return withKey(key, "EdDSA");
  throw noKey(path, "its kind is not taken", "Take RSA of 2048 bits or more, P-256 or Ed25519");
}

function keySet(json: string, path: string): Keys {
  let find: ReturnType<typeof createLocalJWKSet>;
  try {
    find = createLocalJWKSet(JSON.parse(json));
  } catch {
    throw noKey(path, "it is no JSON Web Key Set", 'It must be like { "keys": [ … ] }');
  }
  // Only public keys are found in a set: of what is in it, the one whose kind belongs to the token's algorithm.
  const algorithms = ["RS256", "ES256", "EdDSA", "Ed25519"];
  return { algorithms, verify: async (token, rules) => (await jwtVerify(token, find, rules)).payload };
}

function withKey(key: KeyObject | Uint8Array, algorithm: string): Keys {
  return { algorithms: [algorithm], verify: async (token, rules) => (await jwtVerify(token, key, rules)).payload };
}

function noKey(path: string, why: string, hint: string): SpinnError {
  return new SpinnError("InvalidData", `${path} holds no key for tokens: ${why}`, { hint });
}

/** In our words: the library's may quote the token. */
function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return "The token has expired";
  if (error instanceof errors.JWTClaimValidationFailed) {
    const { claim, reason } = error;
    if (reason === "missing") return `The token lacks ${claim === "iss" || claim === "aud" ? claim : "exp or sub"}`;
    if (claim === "nbf") return "The token is not valid yet";
    if (claim === "aud") return "The token is for another server";
    if (claim === "iss") return "The token's issuer is not trusted here";
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return "The token's algorithm is not accepted";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "The token's signature is wrong";
  if (error instanceof errors.JWKSNoMatchingKey) return "The token's key is not trusted here";
  return "The token is not known here";
}
