// `spinn serve --config`: several networks, changed while it serves, and an end that loses nothing.

import { copyFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { describeNetwork } from "../src/engine/index.ts";
import { writeModelFile } from "../src/onnx/index.ts";
import { websocketDial } from "../src/transport/index.ts";
import { inputFor, RawDevice, runFor } from "./raw-device.ts";
import { type Program, spinn, startSpinn } from "./spinn.ts";
import { toyProgressive } from "./toy.ts";

const models = [1, 2].map((seed) => toyProgressive({ seed }));
const [first, second] = models.map(describeNetwork) as [
  ReturnType<typeof describeNetwork>,
  ReturnType<typeof describeNetwork>,
];
const patient = { timeout: 60_000, interval: 50 };
let folder: string;
let config: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-config-"));
  config = join(folder, "spinn.json");
  await writeModelFile(join(folder, "one.onnx"), models[0]!);
  await writeModelFile(join(folder, "two.onnx"), models[1]!);
  return () => rm(folder, { recursive: true });
});

async function configure(settings: unknown): Promise<void> {
  await writeFile(`${config}.new`, JSON.stringify(settings));
  await rename(`${config}.new`, config);
}

async function start(...args: readonly string[]): Promise<Program & { url: string; page: string }> {
  const program = startSpinn(["serve", "--config", config, "--port", "0", "--json", "--log", "json", ...args]);
  onTestFinished(() => void program.process.kill("SIGKILL"));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: program.process.stdout! }).once("line", resolve);
    program.ended.then(({ err }) => reject(new Error(err.join("\n"))), reject);
  });
  const { url } = JSON.parse(line);
  return { ...program, url, page: url.replace("ws:", "http:") };
}

async function served(page: string): Promise<string[]> {
  const listed = (await (await fetch(`${page}/api/models`)).json()) as { name: string; version: string }[];
  return listed.map(({ name, version }) => `${name} ${version}`);
}

test("serves what the file says, follows it when it changes, and says what is wrong with it", async () => {
  await configure({ models: [{ path: "one.onnx", name: "toy", version: "7" }], workers: 1 });
  const program = await start();
  expect(await served(program.page)).toEqual(["toy 7"]);
  const device = await RawDevice.greeted(websocketDial(program.url), first);

  await configure({ models: [{ path: "one.onnx", name: "toy", version: "7" }, "two.onnx"], workers: 1 });
  await vi.waitFor(async () => expect(await served(program.page)).toEqual(["toy 7", "two.onnx 1"]), patient);
  expect(await device.asks(runFor(first, 1, inputFor(first, 1)))).toMatchObject({ kind: "result" });

  await configure({ models: ["one.onnx"], wrokers: 1 });
  await program.line(/"event":"reload\.refused".*there is no wrokers here/);
  expect(await served(program.page)).toEqual(["toy 7", "two.onnx 1"]);

  await configure({ models: ["two.onnx"] });
  expect(await device.hears("refuse", 0)).toMatchObject({ code: "shutting-down" });
  await vi.waitFor(async () => expect(await served(program.page)).toEqual(["two.onnx 1"]), patient);
  for (const line of program.err) expect(JSON.parse(line)).toHaveProperty("event");
});

test("a network's file is read again when it changes, and by SIGHUP; a broken one leaves the old one serving", async () => {
  await configure({ models: ["one.onnx"], workers: 1 });
  const program = await start();
  await writeFile(join(folder, "one.onnx"), "broken");
  program.process.kill("SIGHUP");
  await program.line(/"event":"reload\.failed".*one\.onnx.*served on/);
  const device = await RawDevice.greeted(websocketDial(program.url), first);
  expect(await device.asks(runFor(first, 1, inputFor(first, 1)))).toMatchObject({ kind: "result" });
  await copyFile(join(folder, "two.onnx"), join(folder, "one.onnx"));
  await program.line(/"event":"reload\.done","added":"one\.onnx/);
  const other = await RawDevice.greeted(websocketDial(program.url), second);
  expect(await other.asks(runFor(second, 1, inputFor(second, 1)))).toMatchObject({ kind: "result" });
});

test("SIGTERM: what was asked is answered, then it ends well", async () => {
  await configure({ models: ["one.onnx"], workers: 1 });
  const program = await start();
  const device = await RawDevice.greeted(websocketDial(program.url), first);
  const ids = Array.from({ length: 8 }, (_, i) => i + 1);
  for (const id of ids) device.say(runFor(first, id, inputFor(first, id)));
  device.say({ kind: "ping", id: 1, payload: new Uint8Array(0) });
  await device.hears("pong"); // they have arrived
  program.process.kill("SIGTERM");
  for (const id of ids) await device.hears("result", id);
  expect((await program.ended).code).toBe(0);
});

test("what is wrong with the file is one line before anything starts", async () => {
  await configure({ models: [{ path: "one.onnx", workers: -1 }] });
  const { code, err } = await spinn("serve", "--config", config);
  expect({ code, err }).toEqual({
    code: 1,
    err: [expect.stringMatching(/^spinn: .*spinn\.json: models\[0\]\.workers: /)],
  });
  expect((await spinn("serve")).err).toEqual([
    expect.stringMatching(/^spinn: There is no network to serve\. Name its file/),
  ]);
});
