// A network that comes slice by slice: what has come is what was sent, is kept, and is not needed for the first answer.

import { expect, onTestFinished, test } from "vitest";
import { REPR_DIGEST, reprDigest } from "../../src/engine/repr-digest.ts";
import { sliceSource } from "../../src/engine/slice-source.ts";
import { emulateLink } from "../../src/evaluate/index.ts";
import { serve } from "../../src/server/index.ts";
import type { SiteFile } from "../browser/site.ts";
import { toyProgressive } from "../toy.ts";
import { describeInChromium } from "./in-chromium.ts";
import { ask } from "./lab.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
/** The bar: a first answer by way of the paper's 4G link. */
const FIRST_ANSWER_MS = 1500;

const toy = sliceSource(toyProgressive({ width: 8, seed: 5 }));
/** Paths that were asked for. */
let asked: string[] = [];
/** Of slices that come damaged from now on. */
let damaged = 0;
let isThere = true;

async function toySlice(path: string): Promise<SiteFile | undefined> {
  asked.push(path);
  const found = isThere ? toy(path)?.body : undefined;
  if (!found) return undefined;
  const body = new Uint8Array(found);
  const headers = { [REPR_DIGEST]: (await reprDigest(body))! };
  if (!path.startsWith("slice") || damaged === 0) return { body, headers };
  damaged--;
  return { body: body.map((byte, i) => (i === body.length >> 1 ? byte ^ 1 : byte)), headers };
}

const image = { label: 1, seed: 1 };
const here = { cut: "none", threshold: 1 };

describeInChromium("test/e2e/pages/lab.ts", { "toy/": toySlice }, (visit) => {
  test("a damaged slice is fetched again; one that always is damaged is an error and no network", async () => {
    const { page } = await visit("plain");
    damaged = 1;
    await ask(page, "connect", { prefer: "wasm", model: "toy/" });
    const [answer] = await ask(page, "infer", here, [image]);
    expect(answer).toMatchObject({ source: "device" });
    expect(damaged).toBe(0);
    await page.close();

    const other = await visit("plain");
    damaged = Number.POSITIVE_INFINITY;
    onTestFinished(() => {
      damaged = 0;
    });
    await expect(ask(other.page, "connect", { prefer: "wasm", model: "toy/" })).rejects.toThrow(
      /FileAccessError: Cannot download .*slice\.onnx.*: its SHA-256 is not the one that comes with it/,
    );
    await other.page.close();
  });

  test("what has come is kept, checked when it is read, and is enough without any server", async () => {
    const { page } = await visit("plain");
    const connect = async (): Promise<string[]> => {
      asked = [];
      await ask(page, "connect", { prefer: "wasm", model: "toy/" });
      await ask(page, "infer", here, [image]);
      await page.reload();
      return asked;
    };
    expect((await connect()).length).toBeGreaterThan(3);
    expect(await connect()).toEqual(["network.json"]);

    await ask(page, "damageKept");
    expect(await connect()).toEqual(["network.json", expect.stringMatching(/^slice/)]);

    isThere = false;
    onTestFinished(() => {
      isThere = true;
    });
    expect(await connect()).toEqual(["network.json"]);
    await page.close();
  });

  test("on a 4G link the first answer is there in time, long before the network is", async () => {
    const { page } = await visit("isolated");
    const { origin } = new URL(page.url());
    const server = await serve({ models: [MODEL], port: 0, workers: 1, allowedOrigins: [origin] });
    onTestFinished(() => server.close(0));
    const link = await emulateLink({ target: { host: "127.0.0.1", port: server.port }, link: "4g" });
    onTestFinished(() => link.close());
    const model = link.url(`http://127.0.0.1:${server.port}/models/${server.models[0]!.hash}/`);
    const options = { prefer: "wasm", model, server: link.url(server.url), cut: "auto" } as const;
    // a machine that is busy with something else gets another chance
    const first = async (): Promise<number> => {
      await page.reload();
      await ask(page, "forget");
      const { ms, source, arrived } = await ask(page, "firstAnswer", options);
      expect(source).toBe("server");
      expect(arrived).not.toContain("none");
      return ms;
    };
    await expect.poll(first, { timeout: 60_000 }).toBeLessThan(FIRST_ANSWER_MS);
    await expect.poll(async () => (await ask(page, "arrived")).cuts, { timeout: 60_000 }).toContain("none");
    await page.close();
  });
});
