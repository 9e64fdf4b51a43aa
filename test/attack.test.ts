// Attacks on a server's door while an honest device asks on; how long it waits meanwhile: `npm run bench -- attack`.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AttackName, attackDoor, attackNames } from "../bench/attacks.ts";
import type { CloudEvent } from "../src/engine/cloud-events.ts";
import { describeNetwork, type NetworkInfo } from "../src/engine/index.ts";
import { writeModelFile } from "../src/onnx/index.ts";
import { type Server, serve } from "../src/server/index.ts";
import { websocketDial } from "../src/transport/index.ts";
import { inputFor, RawDevice, runFor } from "./raw-device.ts";
import { toyProgressive } from "./toy.ts";

const TOKEN = "honest-0123456789abcdef";
/** Of a client that has gone bad. */
const BAD_TOKEN = "mallory-0123456789abcdef";
const events: CloudEvent[] = [];
const faults: unknown[] = [];
let folder: string;
let network: NetworkInfo;
let server: Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-attack-"));
  const model = toyProgressive();
  network = describeNetwork(model);
  await writeModelFile(join(folder, "toy.spinn.onnx"), model);
  server = await serve({
    models: [join(folder, "toy.spinn.onnx")],
    port: 0,
    workers: 1,
    cacheFolder: folder,
    tokens: {
      clients: [
        { name: "honest", token: TOKEN },
        { name: "mallory", token: BAD_TOKEN },
      ],
    },
    // the honest one and its attackers come from the same address here
    maxConnectionsPerAddress: 100,
    maxNewConnectionsPerSecond: 1e6,
    onEvent: (event) => events.push(event),
    onError: (error) => faults.push(error),
  });
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** What must come of an attack, among other things. */
const expected: Readonly<Record<AttackName, RegExp>> = {
  "slow headers": /^(408|held until stopped)$/,
  "half handshakes": /^(408|held until stopped)$/,
  "half messages": /^held until stopped$/,
  "ping flood": /too many pings|^1006/,
  "message flood": /Too many messages|held until stopped/,
  "connection flood": /^closed$/,
  "forged tokens": /The token is not known here/,
  "foreign pages": /403/,
  "huge headers": /^431$/,
  "path traversal": /^(400|404|405)$/,
};

test.each(attackNames)(
  "%s: refused, and an honest device gets right answers meanwhile",
  async (name) => {
    const device = await RawDevice.greeted(websocketDial(server.url, { token: TOKEN }), network);
    const values = inputFor(network, 1);
    const { queueMs: _, computeMs: __, ...right } = await device.asks(runFor(network, 1, values));
    const stop = new AbortController();
    const attacking = attackDoor(name, { port: server.port, network, token: BAD_TOKEN }, stop.signal);
    const untilMs = performance.now() + 1500;
    let answers = 0;
    for (let id = 2; performance.now() < untilMs || answers < 20; id++) {
      expect(await device.asks(runFor(network, id, values))).toMatchObject({ ...right, id });
      answers++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stop.abort();
    const outcomes = Object.keys(await attacking);
    expect(outcomes).toEqual(expect.arrayContaining([expect.stringMatching(expected[name])]));
    expect(outcomes).not.toContain("LEAKED A FILE");
    expect(device.ending).toBeUndefined();
    expect(faults).toEqual([]);
    device.close();
  },
  60_000,
);

test.each([
  ["what an exit costs", (text: string) => text.replace(/"flopsFraction":[\d.]+/, '"flopsFraction":0.001')],
  [
    "how many exits there are",
    (text: string) => text.replace('"exits":[', '"exits":[{"name":"exit0","flopsFraction":0.01},'),
  ],
  ["where an exit is", (text: string) => text.replace(/"at":"[^"]+"/, '"at":"../../etc/passwd"')],
  ["how large images are", (text: string) => text.replace(/"width":\d+/, '"width":16000')],
])("a model file whose metadata lies about %s is not served", async (_, lie) => {
  const model = toyProgressive();
  const metadataProps = model.metadataProps.map((entry) => ({ ...entry, value: lie(entry.value) }));
  expect(metadataProps).not.toEqual(model.metadataProps);
  const path = join(folder, "liar.spinn.onnx");
  await writeModelFile(path, { ...model, metadataProps });
  await expect(serve({ models: [path], port: 0, workers: 1, cacheFolder: folder })).rejects.toThrow(
    expect.objectContaining({
      code: "InvalidModel",
      message: expect.stringMatching(/liar\.spinn\.onnx: The model's metadata is damaged: /),
    }),
  );
});
