// The examples as users copy them: in a folder of their own, with the package beside them; under Vite's dev server, built, and
// without any bundler.

import { cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { build, createServer, type InlineConfig, preview } from "vite";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { serve } from "../../src/server/index.ts";
import { root } from "../browser/bundle.ts";
import { chromiumPath, noChromium, startChromium } from "../browser/chromium.ts";
import { encoded, patternImage } from "../data/fixtures.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
const isHere = chromiumPath() !== undefined;

/** A copy of an example, with the packages that it wants; gone after the test. */
async function copyOf(example: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-example-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(join(root, "examples", example), folder, { recursive: true });
  await mkdir(join(folder, "node_modules"));
  await symlink(root, join(folder, "node_modules/spinn"));
  await symlink(join(root, "node_modules/onnxruntime-web"), join(folder, "node_modules/onnxruntime-web"));
  return folder;
}

/** What `npm run dev` and `npm run build` do. */
function viteConfig(folder: string): InlineConfig {
  return { root: folder, configFile: join(folder, "vite.config.js"), logLevel: "error" };
}

/** A server of the files of a folder, and nothing more. */
function plainConfig(folder: string): InlineConfig {
  return { root: tmpdir(), configFile: false, build: { outDir: folder }, logLevel: "error" };
}

/** Of the browser's cache: the description of the network, and a slice for each exit. */
const KEPT_FILES = 8;
const keptFiles = "caches.open('spinn').then((cache) => cache.keys()).then((keys) => keys.length)";

describe.skipIf(!isHere)(isHere ? "in Chromium" : noChromium, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  /** Gives the page an image, with a server and, when the network has come, without, and expects it to say what that is. */
  async function expectAnswers(url: string): Promise<void> {
    const server = await serve({ models: [MODEL], port: 0, workers: 1, allowedOrigins: [new URL(url).origin] });
    onTestFinished(() => server.close(0));
    const page = await browser.newPage();
    onTestFinished(() => page.close());
    const complaints: string[] = [];
    page.on("console", (message) => message.type() !== "debug" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${url}?server=http://127.0.0.1:${server.port}`);
    const says = async (): Promise<string> => (await page.locator("[role=status]").textContent()) ?? "";
    await expect.poll(says, { timeout: 60_000 }).toMatch(/^Ready: airplane, /);
    const answer = async (name: string): Promise<string> => {
      const before = await says();
      const buffer = await encoded(patternImage(40, 30, name.length), "png");
      await page.locator("input").setInputFiles({ name, mimeType: "image/png", buffer });
      await expect.poll(says, { timeout: 60_000 }).not.toBe(before);
      return await says();
    };
    expect(await answer("a.png")).toMatch(/^\w+ \(\d+ %\), said the (server|device) at \w+ after \d+ ms$/);
    await expect.poll(() => page.evaluate(keptFiles), { timeout: 60_000 }).toBe(KEPT_FILES);
    expect(complaints).toEqual([]);
    await page.locator("input").setInputFiles([]);
    await server.close(0);
    expect(await answer("other.png")).toMatch(/said the device/);
    // of attempts to reach the server
    expect(complaints.filter((text) => !text.includes("WebSocket"))).toEqual([]);
  }

  test("examples/vite under the dev server", async () => {
    const folder = await copyOf("vite");
    // a package that is a link lies outside of the project
    const dev = await createServer({ ...viteConfig(folder), server: { port: 0, fs: { allow: [folder, root] } } });
    onTestFinished(() => dev.close());
    await dev.listen();
    await expectAnswers(dev.resolvedUrls!.local[0]!);
  });

  test("examples/vite, built", async () => {
    const folder = await copyOf("vite");
    await build(viteConfig(folder));
    const built = await preview({ ...viteConfig(folder), preview: { port: 0 } });
    onTestFinished(() => built.close());
    await expectAnswers(built.resolvedUrls!.local[0]!);
  });

  test("examples/plain from a server of files", async () => {
    const folder = await copyOf("plain");
    const files = await preview({ ...plainConfig(folder), preview: { port: 0 } });
    onTestFinished(() => files.close());
    await expectAnswers(files.resolvedUrls!.local[0]!);
  });
});
