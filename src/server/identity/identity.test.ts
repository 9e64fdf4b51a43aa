import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, SignJWT, UnsecuredJWT } from "jose";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { introducer } from "./identity.ts";
import { type JwtOptions, jwtTokens } from "./jwt-tokens.ts";
import { openIdentity, type TokenOptions } from "./open-identity.ts";
import { staticTokens } from "./static-tokens.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-identity-"));
});
afterAll(() => rm(folder, { recursive: true }));

describe("listed tokens", () => {
  const sha256 = "28ccdf84a73c96d6cef67aea785f8f041cd3234c36faba07fd4981a0ea7289bf"; // of "operators-0123456789"

  test("belong to a client; a hash does as well as the token", async () => {
    const check = staticTokens([
      { name: "camera-7", token: "0123456789abcdef" },
      { name: "me", sha256: sha256.toUpperCase(), access: "operator" },
    ]);
    expect(await check("0123456789abcdef")).toEqual({ client: "camera-7", isOperator: false });
    expect(await check("operators-0123456789")).toEqual({ client: "me", isOperator: true });
    for (const wrong of ["0123456789abcdeF", "", sha256])
      expect(await check(wrong)).toEqual({ problem: "The token is not known here" });
  });

  test.each([
    [[], "must name a client"],
    [[{ name: "a", token: "short-secret" }], "at [0].token: must have at least 16 characters"],
    [[{ name: "a", token: "spaces in the secret" }], "at [0].token: must consist of letters"],
    [[{ name: "a" }], "at [0]: needs either token or sha256"],
    [[{ name: "a b", sha256 }], "at [0].name: must be 1 to 64"],
    [[{ name: "a", tokn: "misplaced-secret-1" }], "at [0]: it has a field that is not known"],
    [{ "a-secret-as-a-key-1": "a" }, "no list of clients"],
  ])("%j is refused, and not repeated", async (list, message) => {
    const clientsFile = join(folder, "bad.json");
    await writeFile(clientsFile, JSON.stringify(list));
    const failure = await openIdentity({ clientsFile }).then(
      () => "",
      (error: Error) => error.message,
    );
    expect(failure).toContain(message);
    expect(failure).not.toMatch(/secret/);
  });

  test("what is no JSON is not quoted, and nothing at all is a caller's mistake", async () => {
    const clientsFile = join(folder, "broken.json");
    await writeFile(clientsFile, '[{ "token": "a-secret');
    const failure = await openIdentity({ clientsFile }).catch((error: Error) => error.message);
    expect(failure).toMatch(/broken\.json is no JSON at line 1, column \d+\. Check commas/);
    expect(failure).not.toMatch(/secret/);
    await expect(openIdentity({ clientsFile: join(folder, "none") })).rejects.toThrow(/^Cannot read .*none/);
    await expect(openIdentity({})).rejects.toThrow(RangeError);
  });

  test("a file that changes counts from then on; one that breaks changes nothing, and is told of", async () => {
    const clientsFile = join(folder, "changing.json");
    const write = (token: string): Promise<void> => writeFile(clientsFile, JSON.stringify([{ name: "a", token }]));
    const onError = vi.fn<(error: unknown) => void>();
    await write("the-first-of-tokens");
    const identity = await openIdentity({ clientsFile }, { onError, intervalMs: 20 });
    onTestFinished(() => identity.close());
    expect(await identity.check("the-first-of-tokens")).toMatchObject({ client: "a" });
    await write("the-second-one-of-them");
    await vi.waitFor(
      async () => expect(await identity.check("the-second-one-of-them")).toMatchObject({ client: "a" }),
      20_000,
    );
    expect(await identity.check("the-first-of-tokens")).toHaveProperty("problem");
    await writeFile(clientsFile, "[");
    await vi.waitFor(() => expect(onError).toHaveBeenCalled(), 20_000);
    expect(await identity.check("the-second-one-of-them")).toMatchObject({ client: "a" });
  });
});

describe("JSON Web Tokens", () => {
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ed = generateKeyPairSync("ed25519");
  const secret = "0123456789abcdef0123456789abcdef";
  const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
  const nowS = 1_800_000_000;
  const check = (key: string, options: Partial<JwtOptions> = {}) =>
    jwtTokens(new TextEncoder().encode(key), { keyFile: "keys", ...options }, () => new Date(1000 * nowS));
  const sign = (alg: string, key: KeyObject | Uint8Array, claims: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT({ sub: "camera-7", exp: nowS + 60, ...claims }).setProtectedHeader({ alg }).sign(key);
  const bytes = new TextEncoder().encode(secret);

  test.each([
    ["RS256", pem(rsa.publicKey), rsa.privateKey],
    ["ES256", pem(ec.publicKey), ec.privateKey],
    ["EdDSA", pem(ed.publicKey), ed.privateKey],
    ["HS256", secret, bytes],
  ])("%s: the subject is the client, as long as the token says", async (alg, key, signer) => {
    expect(await check(key)(await sign(alg, signer))).toEqual({ client: "camera-7", isOperator: false, forMs: 65_000 });
    const operator = await sign(alg, signer, { scope: "other spinn:operator" });
    expect(await check(key)(operator)).toMatchObject({ isOperator: true });
  });

  test("a key set holds several keys, found by what the token names", async () => {
    const keys = [
      { ...(await exportJWK(rsa.publicKey)), kid: "one", alg: "RS256" },
      { ...(await exportJWK(ed.publicKey)), kid: "two", alg: "EdDSA" },
    ];
    const set = check(JSON.stringify({ keys }));
    const token = (alg: string, kid: string, key: KeyObject): Promise<string> =>
      new SignJWT({ sub: "a", exp: nowS + 60 }).setProtectedHeader({ alg, kid }).sign(key);
    expect(await set(await token("RS256", "one", rsa.privateKey))).toMatchObject({ client: "a" });
    expect(await set(await token("EdDSA", "two", ed.privateKey))).toMatchObject({ client: "a" });
    expect(await set(await token("EdDSA", "three", ed.privateKey))).toEqual({
      problem: "The token's key is not trusted here",
    });
  });

  test("the key decides the algorithm: no `none`, no public key as a secret, no other key", async () => {
    const publicPem = pem(rsa.publicKey);
    const none = new UnsecuredJWT({ sub: "a", exp: nowS + 60 }).encode();
    const confused = await sign("HS256", new TextEncoder().encode(publicPem));
    const other = await sign("RS256", generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey);
    const [head, body, signature] = (await sign("RS256", rsa.privateKey)).split(".");
    const forged = Buffer.from(JSON.stringify({ sub: "root", exp: nowS + 60 })).toString("base64url");
    for (const token of [none, confused, other, `${head}.${forged}.${signature}`, `${head}.${body}.`, "nonsense"])
      for (const key of [publicPem, JSON.stringify({ keys: [await exportJWK(rsa.publicKey)] })])
        expect(await check(key)(token)).toEqual({ problem: expect.stringMatching(/^The token/) });
  });

  test.each([
    ["has expired", { exp: nowS - 6 }, {}],
    ["is not valid yet", { nbf: nowS + 60 }, {}],
    ["lacks exp or sub", { exp: undefined }, {}],
    ["lacks exp or sub", { sub: undefined }, {}],
    ["is for another server", { aud: "them" }, { audience: "us" }],
    ["is for another server", { aud: "them" }, {}],
    ["lacks aud", {}, { audience: "us" }],
    ["'s issuer is not trusted here", { iss: "them" }, { issuer: "us" }],
    ["lacks iss", {}, { issuer: "us" }],
    ["'s subject is no name", { sub: "two words" }, {}],
  ])("one that %s is refused: %j, %j", async (problem, claims, options) => {
    const { problem: why } = (await check(secret, options)(await sign("HS256", bytes, claims))) as { problem: string };
    expect(why).toContain(problem.startsWith("'") ? `The token${problem}` : `The token ${problem}`);
  });

  test("what suits issuer and audience is taken", async () => {
    const token = await sign("HS256", bytes, { iss: "we", aud: ["them", "us"] });
    expect(await check(secret, { issuer: "we", audience: "us" })(token)).toMatchObject({ client: "camera-7" });
  });

  test.each([
    ["short-secret", "at least 32 bytes"],
    [rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "it holds a private key"],
    [pem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey), "its kind is not taken"],
    [pem(generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey), "its kind is not taken"],
    ["{ secret", "no JSON Web Key Set"],
    ["-----BEGIN PUBLIC KEY-----\nsecret", "keys holds no key"],
  ])("a key file of no use is told, and not repeated", (key, message) => {
    expect(() => check(key)).toThrow(message);
    expect(() => check(key)).not.toThrow(/short-secret/);
  });
});

test("lists and keys together: a token counts that one of them knows; none at all is told", async () => {
  const keyFile = join(folder, "secret");
  await writeFile(keyFile, "0123456789abcdef0123456789abcdef\n");
  const tokens: TokenOptions = { clients: [{ name: "listed", token: "listed-0123456789" }], jwt: { keyFile } };
  const identity = await openIdentity(tokens);
  onTestFinished(() => identity.close());
  const introduce = introducer(identity.check);
  const signed = await new SignJWT({ sub: "signed" })
    .setProtectedHeader({ alg: "HS256" })
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode("0123456789abcdef0123456789abcdef"));
  expect(await introduce("listed-0123456789")).toEqual({ client: "listed" });
  expect(await introduce(signed)).toEqual({ client: "signed", clientForMs: expect.closeTo(3_605_000, -4) });
  expect(await introduce("neither")).toEqual({ problem: "The token is not known here" });
  expect(await introduce(undefined)).toEqual({ problem: "A token is needed" });
});
