// A server that asks for tokens, and pages: the client of one's own page, and the playground that the server hands out.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { encodeModel } from "../../src/onnx/codec.ts";
import { writeModelFile } from "../../src/onnx/index.ts";
import { type ServeOptions, type Server, serve } from "../../src/server/index.ts";
import { accessibilityProblems } from "../browser/axe.ts";
import { chromiumPath, noChromium, startChromium } from "../browser/chromium.ts";
import { colourDataset, toyProgressive } from "../toy.ts";
import { describeInChromium } from "./in-chromium.ts";
import { ask, type ToyImage } from "./lab.ts";

const SHOTS = "test-results";
const PATIENT = { timeout: 60_000 };
const RIGHT = "page-Zq3v9TtLw2Xk8Rn5";
const WRONG = "page-Pa8Ue2Ki5Vo3Bx9Wz";
const model = toyProgressive();
const image: ToyImage = { label: 1, seed: 4 };
const afterRelu = { cut: "relu3", threshold: 1 };

async function serving(options: Partial<ServeOptions> = {}): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), "spinn-tokens-"));
  const path = join(folder, "toy.spinn.onnx");
  await writeModelFile(path, model);
  const tokens = { clients: [{ name: "page", token: RIGHT }] };
  const server = await serve({ models: [path], port: 0, workers: 1, cacheFolder: folder, tokens, ...options });
  onTestFinished(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });
  return server;
}

describeInChromium("test/e2e/pages/lab.ts", { "toy.onnx": encodeModel(model) }, (visit) => {
  test("with its token a page is answered by the server; with another it hears why and answers itself", async () => {
    const { page } = await visit("plain");
    const { origin } = new URL(page.url());
    const { url: server } = await serving({ allowedOrigins: [origin] });
    await ask(page, "connect", { server, token: RIGHT, cut: "relu3" });
    const [there] = await ask(page, "infer", afterRelu, [image]);
    expect(there!.source).toBe("server");
    await ask(page, "disconnect");

    for (const [token, problem] of [
      [WRONG, /^unauthorized: .*token/],
      [undefined, /^unauthorized: .*token/],
    ] as const) {
      await ask(page, "connect", { server, cut: "relu3", ...(token !== undefined && { token }) });
      const [here] = await ask(page, "infer", afterRelu, [image]);
      expect(here!.source).toBe("device");
      expect(here!.label).toBe(there!.label);
      const said = await ask(page, "problem");
      expect(said).toMatch(problem);
      expect(said).not.toContain(WRONG);
      await ask(page, "disconnect");
    }
  });
});

const isHere = chromiumPath() !== undefined;
describe.skipIf(!isHere)(isHere ? "the playground in Chromium" : noChromium, () => {
  let browser: Browser;
  beforeAll(async () => {
    await mkdir(SHOTS, { recursive: true });
    browser = await startChromium();
  });
  afterAll(() => browser?.close());

  test("asks for the token, says when it is wrong, and never puts it into a URL", async () => {
    const server = await serving({ samples: colourDataset(6, 8) });
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "light" });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const urls: string[] = [];
    context.on("request", (request) => urls.push(request.url()));
    await page.goto(`${server.url.replace("ws:", "http:")}/`);
    const field = page.getByLabel("This server asks for a token.");
    await field.waitFor(PATIENT);
    expect(await page.getByRole("alert").count()).toBe(0);
    await field.fill(WRONG);
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("does not accept this token").waitFor(PATIENT);
    expect(await accessibilityProblems(page)).toEqual([]);
    for (const [width, colorScheme] of [
      [1280, "light"],
      [390, "dark"],
    ] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: join(SHOTS, `playground-token-${width}-${colorScheme}.png`) });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    }
    await field.fill(RIGHT);
    await page.keyboard.press("Enter");
    const run = page.getByRole("button", { name: "Run", exact: true });
    await expect.poll(() => run.isEnabled(), PATIENT).toBe(true);
    // the samples' thumbnails need it as well
    const thumbnails = page.locator("img[src^='blob:']");
    await expect.poll(() => thumbnails.count(), PATIENT).toBeGreaterThanOrEqual(6);
    await run.click();
    const network = page.getByRole("region", { name: "Network", exact: true });
    await expect.poll(() => network.innerText(), PATIENT).toMatch(/sure/);
    await page
      .getByText(/^server/)
      .first()
      .waitFor(PATIENT);

    await page.reload(); // the tab remembers
    await expect.poll(() => run.isEnabled(), PATIENT).toBe(true);
    expect(urls.length).toBeGreaterThan(5);
    for (const url of [...urls, page.url()]) for (const token of [RIGHT, WRONG]) expect(url).not.toContain(token);
  });

  test("a token that ceases to count while the page is open is asked for anew", async () => {
    const server = await serving();
    const page = await (await browser.newContext()).newPage();
    onTestFinished(() => page.context().close());
    await page.goto(`${server.url.replace("ws:", "http:")}/`);
    await page.getByLabel("This server asks for a token.").fill(RIGHT);
    await page.keyboard.press("Enter");
    await page
      .getByText(/^server/)
      .first()
      .waitFor(PATIENT);
    // the same server begins anew, with other tokens
    const { port } = server;
    await server.close();
    const newcomer = "other-Hc7Yb4Mf1Dj6Gs0Lp";
    await serving({ port, tokens: { clients: [{ name: "other", token: newcomer }] } });
    const field = page.getByLabel("This server asks for a token.");
    await field.waitFor(PATIENT);
    await field.fill(newcomer);
    await page.keyboard.press("Enter");
    await page
      .getByText(/^server/)
      .first()
      .waitFor(PATIENT);
    expect(await field.count()).toBe(0);
  });
});
