// `spinn serve` as the program that users and scripts start.

import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import sharp from "sharp";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { cacheRoot } from "../src/data/index.ts";
import { describeNetwork } from "../src/engine/index.ts";
import { writeModelFile } from "../src/onnx/index.ts";
import { websocketDial } from "../src/transport/index.ts";
import { certificatePair } from "./certificate.ts";
import { inputFor, RawDevice, runFor } from "./raw-device.ts";
import { type Program, spinn, startSpinn, writeColourFolder } from "./spinn.ts";
import { colourImage, toyProgressive } from "./toy.ts";

const model = toyProgressive();
let folder: string;
let path: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-serve-"));
  path = join(folder, "toy.spinn.onnx");
  await writeModelFile(path, model);
});
afterAll(() => rm(folder, { recursive: true }));

function start(...args: readonly string[]): Program & { readonly ready: Promise<string> } {
  return run("serve", path, "--port", "0", ...args);
}

function run(...args: readonly string[]): Program & { readonly ready: Promise<string> } {
  const program = startSpinn(args);
  onTestFinished(() => void program.process.kill("SIGKILL"));
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: program.process.stdout! }).once("line", resolve);
    program.ended.then(({ err }) => reject(new Error(err.join("\n"))), reject);
  });
  return { ...program, ready };
}

test.each(["SIGINT", "SIGTERM"] as const)("--json prints one line when ready; %s ends it well", async (signal) => {
  const program = start("--json", "--workers", "1");
  const { url, port, models } = JSON.parse(await program.ready);
  expect(url).toBe(`ws://127.0.0.1:${port}`);
  const network = describeNetwork(model);
  const hash = Buffer.from(network.modelHash).toString("hex");
  expect(models).toEqual([
    expect.objectContaining({ name: "toy.spinn.onnx", hash, exits: ["exit1", "exit2", "final"] }),
  ]);

  const device = await RawDevice.greeted(websocketDial(url), network);
  await device.asks(runFor(network, 1, inputFor(network, 1)));
  program.process.kill(signal);
  expect(await device.hears("refuse", 0)).toMatchObject({ code: "shutting-down" });
  const { code, out } = await program.ended;
  expect(code).toBe(0);
  expect(out.trim().split("\n")).toHaveLength(1);
});

test("people read what is served, where, and how to use it", async () => {
  const program = start();
  await program.ready;
  program.process.kill("SIGINT");
  const { out, err } = await program.ended;
  expect(out).toMatch(
    /^Serving toy\.spinn\.onnx \([0-9a-f]{8}\): 3 exits, 5 cuts\nAt (ws:\S+); for example: spinn infer .* --server \1\nPlayground (http:\S+)\/\nConsole \2\/console\n$/,
  );
  expect(err.at(-1)).toBe("Answered 0 runs");
});

test("--samples gives the pages images to try, --allow-origin lets other pages read", async () => {
  const samples = await writeColourFolder(folder, 5);
  const program = start("--json", "--samples", samples, "--allow-origin", "https://friend.example");
  const page = JSON.parse(await program.ready).url.replace("ws:", "http:");
  const listed = (await (await fetch(`${page}/samples/index.json`)).json()) as { label: string; url: string }[];
  expect(listed.map(({ label }) => label).sort()).toEqual(["blue", "green", "red"]);
  expect((await fetch(page + listed[0]!.url)).headers.get("content-type")).toBe("image/png");
  const headers = { Origin: "https://friend.example" };
  const models = await fetch(`${page}/api/models`, { headers });
  expect(models.headers.get("access-control-allow-origin")).toBe("https://friend.example");
});

test("spinn demo --open serves the playground with the shipped model and images", async ({ skip }) => {
  skip(!existsSync(join(cacheRoot(), "cifar10")), "CIFAR-10 has not been downloaded");
  const program = run("demo", "--open", "--json");
  const { url, models } = JSON.parse(await program.ready);
  expect(models).toEqual([expect.objectContaining({ name: expect.stringMatching(/^cifar10-.*\.spinn\.onnx$/) })]);
  const page = url.replace("ws:", "http:");
  expect(await (await fetch(`${page}/samples/index.json`)).json()).toHaveLength(48);
  program.process.kill("SIGINT");
  expect((await program.ended).code).toBe(0);
});

test("with a certificate: spinn infer asks over TLS, where it is told whom to trust", async () => {
  const { cert, key } = await certificatePair();
  const [certFile, keyFile, photo] = ["cert.pem", "key.pem", "red.png"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const raw = { width: 8, height: 8, channels: 3 } as const;
  const png = sharp(colourImage(2, 8, 1), { raw }).png();
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key), png.toFile(photo)]);
  const program = start("--json", "--tls-cert", certFile, "--tls-key", keyFile);
  const { url } = JSON.parse(await program.ready);
  expect(url).toMatch(/^wss:/);
  const asking = ["infer", path, photo, "--server", url, "--cut", "relu3", "--threshold", "1", "--json"];
  const trusting = await startSpinn(asking, undefined, { NODE_EXTRA_CA_CERTS: certFile }).ended;
  expect(JSON.parse(trusting.out).results).toEqual([expect.objectContaining({ source: "server" })]);
  const other = await startSpinn(asking).ended;
  expect(other.code).toBe(0);
  expect(JSON.parse(other.out)).toMatchObject({
    results: [{ source: "device", fallbackReason: "no-connection" }],
    link: { problem: expect.stringMatching(/self-signed certificate\. Name the certificate in NODE_EXTRA_CA_CERTS/) },
  });
});

test.each([
  [[], /door\.open.*asks for no tokens/],
  [["--tokens"], /door\.plain.*in the clear/],
])("a server that other machines reach says what it does not ask for: %j", async (flags, warning) => {
  const clients = join(folder, "clients.json");
  await writeFile(clients, '[{ "name": "me", "token": "some-0123456789abcdef" }]');
  const tokens = flags.length > 0 ? ["--tokens", clients] : [];
  const program = start("--json", "--host", "0.0.0.0", "--log", "json", ...tokens);
  await program.line(warning);
  program.process.kill("SIGTERM");
  expect((await program.ended).code).toBe(0);
});

test("a port in use is one line that says what to do", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as { port: number };
  const { code, err } = await spinn("serve", path, "--port", String(port));
  expect({ code, err }).toEqual({
    code: 1,
    err: [`spinn: Port ${port} is in use. Choose another one; 0 takes any that is free`],
  });
});

test.each([
  [["serve"], /no network to serve/],
  [["serve", "nowhere.onnx"], /nowhere\.onnx/],
  [["serve", "nowhere.onnx", "--port", "70000"], /port/],
])("spinn %j: one line", async (args, message) => {
  const { code, err } = await spinn(...args);
  expect(code).toBe(1);
  expect(err).toHaveLength(1);
  expect(err[0]).toMatch(message);
});
