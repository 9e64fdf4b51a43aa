// Whatever is wrong with what an operator brings to serve, gateway, worker and deploy: one line that says what, where and what to do,
// before anything listens.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { writeModelFile } from "../src/onnx/index.ts";
import { hasNats, noNats, startNats } from "./nats-server.ts";
import { spinn } from "./spinn.ts";
import { toyProgressive } from "./toy.ts";

let folder = "";
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-services-"));
  await writeModelFile(file("toy.onnx"), toyProgressive());
  await writeFile(file("photo.jpg"), "no network at all");
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a command that must fail. `@NAME` is a file of this test's folder. */
async function complaint(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await spinn(...args.map((one) => one.replace(/^@/, `${folder}/`)));
  expect({ code, out, err }).toEqual({ code: 1, out: "", err: [expect.stringMatching(/^spinn: /)] });
  return err[0]!.replaceAll(`${folder}/`, "");
}

const nowhere = ["--nats", "nats://127.0.0.1:1"];

test.each([
  [["serve", "@photo.jpg"], /^spinn: photo\.jpg: The bytes are not an ONNX model.* Export or copy it again$/],
  [["serve", "@toy.onnx", "@toy.onnx"], /both called toy\.onnx, version 1\. Give one of them another name or version$/],
  [
    ["serve", "@toy.onnx", "--host", "nowhere.invalid"],
    /no address called nowhere\.invalid\. Name one of this machine/,
  ],
  [
    ["serve", "@toy.onnx", "--allow-origin", "friend.example"],
    /Not an origin: "friend\.example"\. .*https:\/\/example/,
  ],
  [["serve", "@toy.onnx", "--allow-origin", "https://friend.example/"], /Not an origin/],
  [["serve", "@toy.onnx", "--samples", "nothing"], /nothing is neither a folder nor a known data set/],
  [["serve", "@toy.onnx", "--quota-window", "5"], /--quota-window needs a quota\. Add --quota-bytes/],
  [["serve", "@toy.onnx", "--tls-cert", "@photo.jpg"], /belong together\. Give both/],
  [["serve", "@toy.onnx", "--tokens", "@photo.jpg"], /photo\.jpg is no JSON at line 1, column 2\. Check commas/],
  [["serve", "@toy.onnx", "--jwt-issuer", "me"], /are about --jwt-key\. Give that, too/],
  [["serve", "--config", "@nothing.json"], /Cannot read the configuration nothing\.json: ENOENT.*Check the path$/],
  [["serve", "--nats", "localhost:4222"], /That is no URL of NATS\. It must be nats:\/\/host:port/],
  [["serve", "@toy.onnx", ...nowhere], /computes what is deployed.*Deploy it: spinn deploy toy\.onnx/],
  [
    ["serve", ...nowhere, "--port", "80", "--tokens", "x"],
    /nobody would heed --port, tokens\. Give it to spinn gateway/,
  ],
  [["serve", ...nowhere], /Cannot connect to NATS at 127\.0\.0\.1:1: .*\. Start nats-server there, or check/],
  [["gateway"], /'--nats <url>' not specified/],
  [["gateway", "--nats", "nats://me:secret@127.0.0.1:1"], /^(?!.*secret).*Cannot connect to NATS at 127\.0\.0\.1:1: /],
  [["deploy", ...nowhere, "--name", "x"], /are about a model\. Name its file/],
  [
    ["deploy", "@toy.onnx", ...nowhere, "--remove", "x"],
    /Either a model is deployed or one is removed\. Leave out one/,
  ],
])("spinn %j", async (args, message) => {
  expect(await complaint(...args)).toMatch(message);
});

test.each([
  ['{ "models": ["toy.onnx",] }', /^spinn: spinn\.json: it is no JSON at line 1, column 25\. Check commas/],
  ['{ "models": ["toy.onnx"], "prot": 1 }', /^spinn: spinn\.json: there is no prot here; allowed are /],
  ['{ "models": ["toy.onnx"], "port": "80" }', /^spinn: spinn\.json: port: .*expected number, received string/],
  ['{ "models": ["toy.onnx"], "limits": { "runsPerSecond": 0 } }', /limits\.runsPerSecond: /],
  ["[]", /^spinn: spinn\.json: .*expected object/],
  ['{ "models": [] }', /models: /],
  ['{ "models": [{ "path": "gone.onnx" }] }', /^spinn: gone\.onnx does not exist\. Check the path/],
  ['{ "models": ["toy.onnx"], "allowedOrigins": ["*.example.org"] }', /Not an origin: "\*\.example\.org"/],
])("spinn serve --config with %s", async (text, message) => {
  await writeFile(file("spinn.json"), text);
  expect(await complaint("serve", "--config", "@spinn.json", "--port", "0")).toMatch(message);
});

describe.skipIf(!hasNats())(hasNats() ? "spinn deploy" : noNats, () => {
  test.each([
    [["@gone.onnx"], /^spinn: gone\.onnx does not exist\. Check the path$/],
    [["@photo.jpg"], /not an ONNX model/],
    [["@toy.onnx", "--name", "../../etc/passwd"], /name cannot be "\.\.\/\.\.\/etc\/passwd"\. It must have letters/],
    [["@toy.onnx", "--name", "a.>"], /name cannot be "a\.>"/],
    [["@toy.onnx", "--model-version", "1/2"], /version cannot be "1\/2"/],
    [["--remove", "toy"], /toy@1 is not deployed\. spinn deploy lists what is/],
  ])("%j", async (args, message) => {
    const server = await startNats();
    onTestFinished(() => server.close());
    expect(await complaint("deploy", ...args, "--nats", server.url)).toMatch(message);
  });
});

test("spinn --version names the one that runs", async () => {
  const { code, out } = await spinn("--version");
  expect(code).toBe(0);
  expect(out).toMatch(/^\d+\.\d+\.\d+\S*\n$/);
});
