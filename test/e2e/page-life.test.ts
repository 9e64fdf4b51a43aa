// What happens to a page while it infers image after image: its server dies and comes back, the network goes, the page sleeps.

import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import type { Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { createRng } from "../../src/random.ts";
import { type Program, startSpinn } from "../spinn.ts";
import { describeInChromium } from "./in-chromium.ts";
import { ask, type Looking } from "./lab.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
/** Far more than the device needs for an answer of its own, on a busy machine, too. */
const DEADLINE_MS = 3000;

/** Noise: what is inferred does not matter here. */
function noise(): Uint8Array {
  const rng = createRng(1);
  return Uint8Array.from({ length: 16 * 32 * 32 * 3 }, () => rng() * 256);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server in a process of its own, which can be killed. */
async function startServer(port: number): Promise<Program> {
  const server = startSpinn(["serve", MODEL, "--port", String(port), "--workers", "1", "--allow-origin", "*"]);
  onTestFinished(() => void server.process.kill("SIGKILL"));
  await expect.poll(() => isListening(port), { timeout: 60_000 }).toBe(true);
  return server;
}

async function isListening(port: number): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${port}/`).then(
    () => true,
    () => false,
  );
}

async function look(page: Page): Promise<Looking> {
  return await ask(page, "lookBack");
}

/** Until the last answers were all from there. */
async function until(page: Page, source: "device" | "server"): Promise<Looking> {
  const recent = async (): Promise<string[]> => (await look(page)).answers.slice(-5).map((one) => one.source);
  await expect.poll(recent, { timeout: 60_000, interval: 200 }).toEqual(Array(5).fill(source));
  return await look(page);
}

/** More answers than there were. */
async function goesOn(page: Page, { answers }: Looking): Promise<void> {
  const more = async (): Promise<number> => (await look(page)).answers.length - answers.length;
  await expect.poll(more, { timeout: 60_000 }).toBeGreaterThan(2);
}

/** Of the browser's pages. */
async function rendererIds(page: Page): Promise<number[]> {
  const devtools = await page.context().browser()!.newBrowserCDPSession();
  const { processInfo } = await devtools.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

const files = { "model.onnx": await readFile(MODEL), images: noise() };

describeInChromium("test/e2e/pages/lab.ts", files, (visit) => {
  /** A page on a slow device, to which the server is worth its while. */
  async function start(port: number): Promise<Page> {
    const { page } = await visit("isolated");
    onTestFinished(() => page.close());
    const server = `ws://127.0.0.1:${port}`;
    const options = { server, model: "model.onnx", cut: "auto", slowdown: 20, prefer: "wasm", threads: 1 } as const;
    await ask(page, "connect", options);
    await ask(page, "keepInferring", "images", DEADLINE_MS);
    await until(page, "server");
    return page;
  }

  test("the server is killed: the next answer is the page's own, in time; it comes back: the plan does, too", async () => {
    const port = await freePort();
    const server = await startServer(port);
    const page = await start(port);
    server.process.kill("SIGKILL");
    await server.ended;
    await goesOn(page, await look(page));
    await until(page, "device");
    await expect.poll(async () => (await look(page)).plans.at(-1), { timeout: 60_000 }).toBe("none");
    await startServer(port);
    const { plans, failures, answers } = await until(page, "server");
    expect(plans.at(-1)).not.toBe("none");
    expect(failures).toEqual([]);
    expect(Math.max(...answers.map(({ totalMs }) => totalMs))).toBeLessThan(DEADLINE_MS);
  });

  test("the network goes and comes back", async () => {
    const port = await freePort();
    await startServer(port);
    const page = await start(port);
    await page.context().setOffline(true);
    await until(page, "device");
    await page.context().setOffline(false);
    const { connections, failures } = await until(page, "server");
    expect(connections).toContain(false);
    expect(connections.at(-1)).toBe(true);
    expect(failures).toEqual([]);
  });

  test.skipIf(process.platform === "win32")(
    "the page sleeps, and its server is another one when it wakes up",
    async () => {
      const port = await freePort();
      const server = await startServer(port);
      const page = await start(port);
      const before = await look(page);
      const renderers = await rendererIds(page);
      expect(renderers).not.toEqual([]);
      for (const id of renderers) process.kill(id, "SIGSTOP");
      try {
        server.process.kill("SIGKILL");
        await server.ended;
        await startServer(port);
      } finally {
        for (const id of renderers) process.kill(id, "SIGCONT");
      }
      await goesOn(page, before);
      const { failures, connections } = await until(page, "server");
      expect(connections.at(-1)).toBe(true);
      expect(failures).toEqual([]);
    },
  );

  test("inferring never holds up the page", async () => {
    const { page } = await visit("isolated");
    await ask(page, "connect", { model: "model.onnx", prefer: "wasm" });
    // The API measures by the clock on the wall: a machine that is busy with something else makes tasks long, too.
    const quiet = async (): Promise<number> => {
      await ask(page, "keepInferring", "images", DEADLINE_MS);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      await ask(page, "stopInferring");
      const { answers, failures, longTasksMs } = await look(page);
      expect(answers.length).toBeGreaterThan(10);
      expect(failures).toEqual([]);
      return longTasksMs.length;
    };
    await expect.poll(quiet, { timeout: 60_000 }).toBe(0);
    await page.close();
  });

  test("the page looks for its server when the network is back or somebody looks at it", async () => {
    const { page } = await visit("plain");
    expect(await ask(page, "wakeUps")).toEqual(["online", "visibilitychange", "pageshow"]);
    await page.close();
  });
});
