// `spinn load` as users start it: on a server of its own, and on one that is there.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeModelFile } from "../src/onnx/index.ts";
import { serve } from "../src/server/index.ts";
import { spinn } from "./spinn.ts";
import { toyProgressive } from "./toy.ts";

let folder: string;
let model: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-load-"));
  model = join(folder, "toy.spinn.onnx");
  await writeModelFile(model, toyProgressive());
});
afterAll(() => rm(folder, { recursive: true }));

test("--json: what was asked was answered, by a server that it starts itself", async () => {
  const { code, out } = await spinn("load", model, "--devices", "6", "--seconds", "1", "--json");
  expect(code).toBe(0);
  const report = JSON.parse(out);
  expect(report).toMatchObject({ devices: 6, lost: 0, wrong: 0 });
  expect(report.requests).toBeGreaterThan(0);
  expect(report.answered + report.own).toBe(report.requests);
  expect(report.latencyMs.p95).toBeGreaterThanOrEqual(report.latencyMs.p50);
});

test("devices that would be sure of everything send everything, which is said", async () => {
  const server = await serve({ models: [model], port: 0, workers: 1, cacheFolder: folder });
  try {
    const few = ["--devices", "2", "--seconds", "1", "--server", server.url, "--thresholds", "0", "--cuts", "relu3"];
    const { code, err, out } = await spinn("load", model, ...few, "--json");
    expect(code).toBe(0);
    expect(err).toEqual(["2 of 2 devices would send nothing at their thresholds: theirs is 1"]);
    expect(JSON.parse(out).answered).toBeGreaterThan(0);
  } finally {
    await server.close();
  }
});

test("a server that asks for a token is shown one; who has none is told", async () => {
  const tokens = { clients: [{ name: "load", token: "load-0123456789abcdef" }] };
  const server = await serve({ models: [model], port: 0, workers: 1, cacheFolder: folder, tokens });
  try {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "load-0123456789abcdef\n");
    const few = ["--devices", "2", "--seconds", "1", "--server", server.url, "--json"];
    const { code, out } = await spinn("load", model, ...few, "--token-file", tokenFile);
    expect({ code, report: JSON.parse(out) }).toMatchObject({ code: 0, report: { lost: 0, wrong: 0 } });
    const refused = await spinn("load", model, ...few);
    expect(refused.code).toBe(1);
    expect(refused.err.join()).toMatch(/token/);
  } finally {
    await server.close();
  }
});

test.each([
  [["--server", "ws://127.0.0.1:9"], /Cannot connect to ws:.*Start a server there/],
  [["--server", "http://127.0.0.1:9"], /It must be ws:\/\/host:port or wss/],
  [["--cuts", "nowhere"], /Devices cannot hand over at "nowhere"\. spinn inspect lists the cuts/],
  [["--devices", "0"], /must be a positive integer/],
  [["--thresholds", "0.5,7"], /\[0, 1\]/],
])("%j: one line that says what to do", async (args, message) => {
  const { code, err } = await spinn("load", model, "--seconds", "1", "--devices", "2", ...args);
  expect({ code, lines: err.length }).toEqual({ code: 1, lines: 1 });
  expect(err[0]).toMatch(message);
});
