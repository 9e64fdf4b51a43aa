import { resolve } from "node:path";
import { expect, test } from "vitest";
import { parseConfig, readConfig } from "./config.ts";

const parse = (config: unknown): unknown => parseConfig(JSON.stringify(config), "/etc/spinn/spinn.json");

test("models by path or with a name, version and amounts of their own; paths are seen from the file", () => {
  const models = ["a.spinn.onnx", { path: "../b.onnx", name: "b", version: "7", workers: 2, batching: false }];
  expect(parse({ models, port: 0, maxQueued: 8, allowedOrigins: ["https://friend.example"] })).toEqual({
    models: [
      { path: resolve("/etc/spinn/a.spinn.onnx"), name: "a.spinn.onnx", version: "1" },
      { path: resolve("/etc/b.onnx"), name: "b", version: "7", workers: 2, batching: false },
    ],
    port: 0,
    maxQueued: 8,
    allowedOrigins: ["https://friend.example"],
  });
});

test("who may come in, and what they may use; files are seen from the configuration, and no secret stands in it", () => {
  const limits = { runsPerSecond: 5, quota: { computeMs: 1000 } };
  const tokens = { clientsFile: "clients.json", jwt: { keyFile: "../keys.json", issuer: "us" } };
  const tls = { certFile: "cert.pem", keyFile: "key.pem" };
  expect(parse({ models: ["a"], limits, tokens, tls, maxConnectionsPerAddress: 8 })).toMatchObject({
    limits,
    tokens: {
      clientsFile: resolve("/etc/spinn/clients.json"),
      jwt: { keyFile: resolve("/etc/keys.json"), issuer: "us" },
    },
    tls: { certFile: resolve("/etc/spinn/cert.pem"), keyFile: resolve("/etc/spinn/key.pem") },
    maxConnectionsPerAddress: 8,
  });
  expect(() => parse({ models: ["a"], tokens: { clients: [] } })).toThrow(/tokens: there is no clients here/);
  expect(() => parse({ models: ["a"], limits: { quota: { bytes: 0 } } })).toThrow(/limits\.quota\.bytes: .*>0/);
  const broken = '{ "tokens": "a-very-secret-token" oops';
  expect(() => parseConfig(broken, "spinn.json")).toThrow(
    /^spinn\.json: it is no JSON at line 1, column 35\. Check commas/,
  );
});

test("tokens, TLS and limits; their files are seen from the configuration as well", () => {
  const limits = { runsPerSecond: 5, quota: { bytes: 1e9 } };
  const tokens = { clientsFile: "clients.json", jwt: { keyFile: "/keys/jwks.json", issuer: "me" } };
  const tls = { certFile: "cert.pem", keyFile: "key.pem" };
  expect(parse({ models: ["a"], limits, tokens, tls })).toMatchObject({
    limits,
    tokens: {
      clientsFile: resolve("/etc/spinn/clients.json"),
      jwt: { keyFile: resolve("/keys/jwks.json"), issuer: "me" },
    },
    tls: { certFile: resolve("/etc/spinn/cert.pem"), keyFile: resolve("/etc/spinn/key.pem") },
  });
  expect(() => parse({ models: ["a"], limits: { quota: { byte: 1 } } })).toThrow(
    /limits\.quota: there is no byte here; allowed are windowMs, bytes, computeMs/,
  );
  expect(() => parse({ models: ["a"], tls: { certFile: "a" } })).toThrow(/tls\.keyFile: .*string/);
});

test.each([
  [{ models: ["a"], prot: 1 }, /spinn\.json: there is no prot here; allowed are .*models.*port/],
  [{ models: ["a", { path: "b", worker: 1 }] }, /models\[1\]: there is no worker here; allowed are path, name/],
  [{ models: ["a", { path: "b", workers: 0 }] }, /models\[1\]\.workers: .*>0/],
  [{ models: ["a", { path: "b", workers: 1.5 }] }, /models\[1\]\.workers: .*int/],
  [{ models: [] }, /models: .*>=1/],
  [{ models: {} }, /models: .*array/],
  [{ models: [7] }, /models\[0\]: .*object/],
  [{ models: ["a"], port: 70_000 }, /port: .*65535/],
  [{ models: ["x/a", "y/a"] }, /x.a and .*y.a are both called a, version 1/],
  [[], /expected object/],
])("%j is refused by name", (config, message) => {
  expect(() => parse(config)).toThrow(message);
});

test("what is no JSON, or not there, is one line", async () => {
  expect(() => parseConfig("{", "spinn.json")).toThrow(/^spinn\.json: it is no JSON at line 1, column 2/);
  await expect(readConfig("/nowhere/spinn.json")).rejects.toThrow(
    /^Cannot read the configuration \/nowhere\/spinn\.json: ENOENT/,
  );
});
