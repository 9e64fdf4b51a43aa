// TLS as operators meet it: files, their renewal while devices are connected, and mistakes in them.

import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { type CertificatePair, certificatePair, DAY_MS } from "../../test/certificate.ts";
import { inputFor, RawDevice, runFor } from "../../test/raw-device.ts";
import { toyProgressive } from "../../test/toy.ts";
import { describeNetwork } from "../engine/index.ts";
import { messageOf } from "../errors.ts";
import { writeModelFile } from "../onnx/index.ts";
import { websocketDial } from "../transport/index.ts";
import { type Server, serve } from "./serve.ts";

const PATIENT = { timeout: 30_000, interval: 50 };
const model = toyProgressive();
const network = describeNetwork(model);
let folder: string;
let modelFile: string;
let first: CertificatePair;
let second: CertificatePair;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-tls-"));
  modelFile = join(folder, "toy.spinn.onnx");
  await writeModelFile(modelFile, model);
  [first, second] = await Promise.all([certificatePair(), certificatePair()]);
});
afterAll(() => rm(folder, { recursive: true }));

/** As those who renew certificates do: whole or not at all. */
async function put(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
}

/** A server with this certificate, in files of its own. */
async function start({ cert, key }: CertificatePair) {
  const own = await mkdtemp(join(folder, "files-"));
  const tls = { certFile: join(own, "cert.pem"), keyFile: join(own, "key.pem") };
  await Promise.all([writeFile(tls.certFile, cert), writeFile(tls.keyFile, key)]);
  const errors: string[] = [];
  const onError = (error: unknown): void => void errors.push(messageOf(error));
  const server = await serve({ models: [modelFile], port: 0, workers: 1, cacheFolder: folder, tls, onError });
  onTestFinished(() => server.close());
  return { server, tls, errors };
}

async function deviceOf(server: Server, ca: string): Promise<RawDevice> {
  const device = await RawDevice.greeted(websocketDial(server.url, { ca }), network);
  onTestFinished(() => device.close());
  return device;
}

/** What somebody who connects now is shown. */
function shownBy({ port }: Server): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once("error", reject);
  });
}

test("devices and pages come over TLS; who does not trust the certificate, or speaks none, is told what to do", async () => {
  const { server } = await start(first);
  expect(server.url).toMatch(/^wss:/);
  const device = await deviceOf(server, first.cert);
  expect(await device.asks(runFor(network, 1, inputFor(network, 1)))).toMatchObject({ kind: "result" });

  const url = server.url.replace("wss:", "https:");
  for (const path of ["/healthz", "/", "/console", "/api/models"]) {
    const status = await new Promise((resolve, reject) => {
      get(`${url}${path}`, { ca: first.cert }, (response) => resolve(response.resume().statusCode)).once(
        "error",
        reject,
      );
    });
    expect(status, path).toBe(200);
  }
  const dialling = (address: string, ca?: string): Promise<RawDevice> =>
    RawDevice.dial(websocketDial(address, ca === undefined ? {} : { ca }));
  await expect(dialling(server.url)).rejects.toThrow(/self-signed certificate\. Name the certificate in NODE_EXTRA_CA/);
  await expect(dialling(server.url.replace("127.0.0.1", "localhost"), first.cert)).rejects.toThrow(
    /Dial a name that the certificate is for/,
  );
  await expect(dialling(server.url.replace("wss:", "ws:"))).rejects.toThrow(/Dial wss:\/\//);
});

test("wss to a server without TLS says so", async () => {
  const server = await serve({ models: [modelFile], port: 0, workers: 1, cacheFolder: folder });
  onTestFinished(() => server.close());
  await expect(RawDevice.dial(websocketDial(server.url.replace("ws:", "wss:")))).rejects.toThrow(/Dial ws:\/\//);
});

test("a certificate that is renewed counts for new connections, and no device is sent away", async () => {
  const { server, tls, errors } = await start(first);
  const device = await deviceOf(server, first.cert);
  const before = await shownBy(server);

  await put(tls.keyFile, second.key);
  await put(tls.certFile, second.cert);
  await vi.waitFor(async () => expect(await shownBy(server)).not.toBe(before), PATIENT);
  const later = await deviceOf(server, second.cert);
  for (const [id, one] of [device, later].entries())
    expect(await one.asks(runFor(network, id + 1, inputFor(network, 1)))).toMatchObject({ kind: "result" });
  expect(errors).toEqual([]);
});

test("half a renewal changes nothing and is told; its other half completes it", async () => {
  const { server, tls, errors } = await start(first);
  const before = await shownBy(server);
  await put(tls.certFile, second.cert);
  await vi.waitFor(() => expect(errors).toHaveLength(1), PATIENT);
  expect(errors[0]).toMatch(/^The new certificate cannot be used: \S+key\.pem is not the key .*The one before goes on/);
  expect(await shownBy(server)).toBe(before);
  await put(tls.keyFile, second.key);
  await vi.waitFor(async () => expect(await shownBy(server)).not.toBe(before), PATIENT);
  expect(errors).toHaveLength(1);
});

test("files that nobody could connect with are refused before the server listens, with what to do", async () => {
  const [expired, early] = await Promise.all([
    certificatePair(-3 * DAY_MS, -2 * DAY_MS),
    certificatePair(DAY_MS, 2 * DAY_MS),
  ]);
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "a secret" },
  });
  const problem = async (cert: string | undefined, key: string): Promise<string> => {
    const own = await mkdtemp(join(folder, "bad-"));
    const tls = { certFile: join(own, "cert.pem"), keyFile: join(own, "key.pem") };
    if (cert !== undefined) await writeFile(tls.certFile, cert);
    await writeFile(tls.keyFile, key);
    const error = await serve({ models: [modelFile], port: 0, workers: 1, cacheFolder: folder, tls }).catch((e) => e);
    expect(error).toHaveProperty("code", cert === undefined ? "FileAccess" : "InvalidData");
    for (const line of key.split("\n").slice(1, -2)) expect(error.message).not.toContain(line);
    return error.message.replaceAll(`${own}/`, "");
  };
  expect(await problem(undefined, first.key)).toMatch(/^Cannot read .*cert\.pem.*Check the path$/);
  expect(await problem("", first.key)).toMatch(/^cert\.pem is no certificate\. It must be PEM/);
  expect(await problem(first.key, first.key)).toMatch(/^cert\.pem is no certificate/);
  expect(await problem(first.cert, first.cert)).toMatch(/^key\.pem is no private key\. It must be PEM/);
  expect(await problem(first.cert, second.key)).toMatch(
    /^key\.pem is not the key of the certificate in cert\.pem\. Name/,
  );
  expect(await problem(first.cert, privateKey)).toMatch(
    /^The key in key\.pem is protected by a passphrase.*openssl pkey/,
  );
  expect(await problem(expired.cert, expired.key)).toMatch(/^The certificate in cert\.pem has expired: .*\. Renew it$/);
  expect(await problem(early.cert, early.key)).toMatch(/^The certificate in cert\.pem is not valid before 20.*clock$/);
});
