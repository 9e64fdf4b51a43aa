// No token in whatever leaves the programs: standard output and error, at every log level, metrics, events, errors.

import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { describeNetwork } from "../src/engine/index.ts";
import { writeModelFile } from "../src/onnx/index.ts";
import { websocketDial } from "../src/transport/index.ts";
import { RawDevice } from "./raw-device.ts";
import { spinn, startSpinn } from "./spinn.ts";
import { colourImage, toyProgressive } from "./toy.ts";

const right = "right-Zq3v9TtLw2Xk8Rn5";
const operator = "operator-Hc7Yb4Mf1Dj6Gs0";
const wrong = "wrong-Pa8Ue2Ki5Vo3Bx9";
/** Of a token, no part either. */
const secrets = [right, operator, wrong].flatMap((token) => [token.slice(-15), token.split("-")[1]!.slice(0, 10)]);

let folder: string;
let model: string;
let image: string;
let clients: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-secrets-"));
  [model, image, clients] = ["toy.spinn.onnx", "image.png", "clients.json"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeModelFile(model, toyProgressive());
  const raw = { width: 8, height: 8, channels: 3 } as const;
  await sharp(colourImage(1, 8, 3), { raw })
    .png()
    .toFile(image);
  const list = [
    { name: "camera-7", token: right },
    { name: "me", token: operator, access: "operator" },
  ];
  await writeFile(clients, JSON.stringify(list));
});
afterAll(() => rm(folder, { recursive: true }));

async function tokenFile(token: string): Promise<string> {
  const path = join(folder, `${token.split("-")[0]}.token`);
  await writeFile(path, `${token}\n`);
  return path;
}

test.each([
  ["--log", "json", "--log-level", "debug"],
  ["--log", "human", "--log-level", "info"],
])(
  "spinn serve %s %s %s %s and spinn infer tell of nobody's token",
  async (...flags) => {
    const program = startSpinn(["serve", model, "--port", "0", "--json", "--tokens", clients, ...flags]);
    onTestFinished(() => void program.process.kill("SIGKILL"));
    const ready = await new Promise<string>((resolve, reject) => {
      createInterface({ input: program.process.stdout! }).once("line", resolve);
      program.ended.then(({ err }) => reject(new Error(err.join("\n"))), reject);
    });
    const { url } = JSON.parse(ready) as { url: string };
    const said: string[] = [ready];

    const infer = async (...args: string[]): Promise<string> => {
      const { code, out, err } = await spinn("infer", model, image, "--server", url, "--cut", "input", ...args);
      expect(code).toBe(0);
      return [out, ...err].join("\n");
    };
    const served = await infer("--json", "--token-file", await tokenFile(right));
    expect(JSON.parse(served)).toMatchObject({ results: [{ source: "server" }] });
    const alone = await infer("--token-file", await tokenFile(wrong));
    expect(alone).toContain("The device answers alone: refused as unauthorized: The token is not known here");
    said.push(served, alone, await infer("--json", "--token-file", await tokenFile(wrong)), await infer("--json"));
    const device = await RawDevice.dial(websocketDial(`${url}/?token=${wrong}`, { token: wrong }));
    said.push(await device.isClosed(), JSON.stringify(device.heard));
    const unreachable = websocketDial(`ws://127.0.0.1:1/?token=${wrong}`, { token: wrong });
    said.push(String(await RawDevice.dial(unreachable).catch((error: Error) => `${error.stack}${error.cause}`)));
    const urlWithPassword = (): unknown => websocketDial(`ws://me:${wrong}@127.0.0.1:1`);
    expect(urlWithPassword).toThrow("must not hold a name or a password");

    const page = url.replace("ws", "http");
    const asked = async (path: string, token?: string): Promise<number> => {
      const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
      const response = await fetch(page + path, { headers, signal: AbortSignal.timeout(20_000) });
      const reader = response.body!.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        said.push(new TextDecoder().decode(part.value));
        if (path === "/api/events" && response.ok && said.at(-1)!.includes("snapshot")) break;
      }
      await reader.cancel();
      said.push(JSON.stringify([...response.headers]));
      return response.status;
    };
    for (const path of ["/metrics", "/api/events"]) {
      expect(await asked(path, operator)).toBe(200);
      expect([await asked(path), await asked(path, wrong), await asked(path, right)]).toEqual([401, 401, 403]);
    }
    expect([await asked("/api/models", right), await asked("/api/models", wrong)]).toEqual([200, 401]);
    expect(await asked(`/nowhere/${wrong.slice(0, 3)}`)).toBe(404);

    program.process.kill("SIGTERM");
    const { code, out, err } = await program.ended;
    expect(code).toBe(0);
    said.push(out, ...err);
    if (flags.includes("debug")) expect(err.join("\n")).toMatch(/camera-7/);
    expect(err.join("\n")).toMatch(/The token is not known here/);
    for (const secret of secrets) expect(said.filter((text) => text.includes(secret))).toEqual([]);
  },
  120_000,
);

test("a client that is refused answers alone, and does not knock at once again", async () => {
  const { connect } = await import("../src/client/index.ts");
  const { serve } = await import("../src/server/index.ts");
  const tokens = { clients: [{ name: "camera-7", token: right }] };
  const server = await serve({ models: [model], port: 0, workers: 1, cacheFolder: folder, tokens });
  onTestFinished(() => server.close());
  let asked = 0;
  const token = (): string => {
    asked++;
    return asked === 1 ? wrong : right;
  };
  const plan = { cut: "input", codec: "float32", threshold: 0.8 } as const;
  const link = { backoff: { firstMs: 10, mostMs: 300 } };
  const client = await connect({ model, server: server.url, token, plan, link, cacheFolder: folder });
  onTestFinished(() => client.close());
  expect(client.link).toMatchObject({ connected: false, refusal: "unauthorized" });
  const { input } = describeNetwork(toyProgressive());
  const pixels = new Float32Array(input.shape.reduce((a, b) => a * b));
  const tensor = { type: "float32", dims: input.shape, data: pixels } as const;
  expect(await client.infer(tensor)).toMatchObject({ source: "device" });
  await expect.poll(() => client.link.connected, { timeout: 30_000 }).toBe(true);
  expect(asked).toBe(2);
  expect(await client.infer(tensor)).toMatchObject({ source: "server" });
}, 60_000);

test("no dependency is known to be unsafe", async ({ skip }) => {
  const cwd = fileURLToPath(new URL("..", import.meta.url));
  const report = await new Promise<string>((resolve) =>
    execFile("npm", ["audit", "--omit=dev", "--json"], { cwd, timeout: 60_000 }, (_, stdout) => resolve(stdout)),
  );
  const counts = readCounts(report);
  skip(!counts, "the registry does not answer npm audit");
  expect(counts).toMatchObject({ high: 0, critical: 0 });
}, 90_000);

function readCounts(report: string): unknown {
  try {
    return (JSON.parse(report) as { metadata?: { vulnerabilities?: unknown } }).metadata?.vulnerabilities;
  } catch {
    return undefined;
  }
}
