// The playground of a real server in a real browser, used as people use it.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Server, serve } from "../../src/server/index.ts";
import { accessibilityProblems } from "../browser/axe.ts";
import { chromiumPath, noChromium, startChromium } from "../browser/chromium.ts";
import { encoded } from "../data/fixtures.ts";
import { colourDataset, colourImage } from "../toy.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";
const SHOTS = "test-results";
const PATIENT = { timeout: 60_000 };
const isHere = chromiumPath() !== undefined;

describe.skipIf(!isHere)(isHere ? "in Chromium" : noChromium, () => {
  let server: Server;
  let browser: Browser;

  beforeAll(async () => {
    await mkdir(SHOTS, { recursive: true });
    server = await serve({ models: [MODEL], port: 0, workers: 1, samples: colourDataset(12, 32) });
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  interface Look {
    readonly width?: number;
    readonly colorScheme?: "light" | "dark";
  }

  /** Opens the page and waits until an image can be run. */
  async function look({ width = 1280, colorScheme = "light" }: Look = {}) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    const response = await page.goto(`${server.url.replace("ws:", "http:")}/`);
    expect(response!.status(), "the pages have to be built: npm run build").toBe(200);
    await expect.poll(() => button(page, "Run").isEnabled(), PATIENT).toBe(true);
    return { page, complaints };
  }

  const button = (page: Page, name: string): Locator => page.getByRole("button", { name, exact: true });
  const panel = (page: Page, name: string): Locator => page.getByRole("region", { name, exact: true });
  const textOf = (page: Page, name: string): (() => Promise<string>) => {
    return () => panel(page, name).innerText();
  };
  /** A plan has been chosen, for which all of the network must be here. */
  const isPlanned = (page: Page): Promise<void> =>
    expect.poll(textOf(page, "Plan"), PATIENT).toMatch(/latency, mean\s+[\d.]+ ms/);

  test("the first image is answered, then a plan is made and images run on and on", async () => {
    const { page, complaints } = await look();
    await button(page, "Run").click();
    await expect.poll(textOf(page, "Network"), PATIENT).toMatch(/sure.*Left at (exit \d|final) on/s);
    await isPlanned(page);
    await expect.poll(textOf(page, "Events"), PATIENT).toContain("a fresh choice");
    await button(page, "Run on and on").click();
    await expect.poll(textOf(page, "Plan"), PATIENT).toMatch(/last ([5-9]|\d\d)/);
    const sentences = await panel(page, "Network").getByRole("listitem").allInnerTexts();
    expect(sentences.filter((text) => /answered: \w+, [\d.]+ % sure/.test(text))).toHaveLength(1);
    for (const title of ["Latency", "Sent, an image", "Where images left"]) {
      const chart = page.getByRole("img", { name: `${title}: ` });
      expect(await chart.getAttribute("aria-label"), title).toContain("last image");
      expect(await chart.locator("canvas").count(), title).toBe(1);
    }
    await button(page, "Stop").click();
    await button(page, "Run on and on").waitFor(PATIENT);
    expect(complaints).toEqual([]);
  });

  test("offline, the device answers; online again, the server is found", async () => {
    const { page } = await look();
    await isPlanned(page);
    await button(page, "Go offline").click();
    await page.getByText("offline", { exact: true }).waitFor(PATIENT);
    await expect.poll(textOf(page, "Events"), PATIENT).toContain("Connection lost: the emulated link is offline");
    await button(page, "Run").click();
    await expect.poll(textOf(page, "Network"), PATIENT).toMatch(/on this device, after .*nothing sent/s);
    await page.screenshot({ path: join(SHOTS, "playground-offline.png"), fullPage: true });
    await button(page, "Go online again").click();
    await expect.poll(textOf(page, "Events"), PATIENT).toContain("Connected to the server");
  });

  test("an emulated link is felt", async () => {
    const { page } = await look();
    await isPlanned(page);
    await page.getByRole("radio", { name: "3G" }).check({ force: true });
    expect(await panel(page, "Conditions").innerText()).toMatch(/There and back\s+300 ms/);
    await button(page, "Compare").click();
    await button(page, "Run").click();
    const row = panel(page, "Side by side").getByRole("row", { name: /^Server only/ });
    await row.waitFor(PATIENT);
    expect(Number((await row.innerText()).match(/([\d.]+) ms/)![1])).toBeGreaterThan(300);
    for (const name of ["SPINN", "Device only"])
      expect(await panel(page, "Side by side").getByRole("row", { name }).innerText()).toContain("1 of 1");
  });

  test("an agreement is followed; a mistake in one is shown at its place, and nothing changes", async () => {
    const { page } = await look();
    await isPlanned(page);
    const require = page.getByLabel("Require, the most important first");
    await require.fill("latency.p95 <= 60mz");
    await page.getByText("Did you mean ms?").waitFor(PATIENT);
    expect(await panel(page, "Agreement").innerText()).toContain("latency.p95 <= 60mz\n                 ^^");
    expect(await require.getAttribute("aria-invalid")).toBe("true");
    await require.fill("latency.p95 <= 0.001ms");
    await page.getByText("Did you mean ms?").waitFor({ ...PATIENT, state: "detached" });
    await expect.poll(textOf(page, "Plan"), PATIENT).toContain("latency.p95 <= 0.001ms cannot be kept now");

    await page.getByRole("slider", { name: "95 of 100 images within" }).press("End");
    expect(await require.inputValue()).toBe("latency.p95 <= 2000ms");
    await expect.poll(textOf(page, "Plan"), PATIENT).not.toContain("cannot be kept");
    await button(page, "Spare the server").click();
    await expect.poll(textOf(page, "Plan"), PATIENT).toMatch(/computing there\s+0 ms/);
  });

  test("images of one's own; what is none is told", async () => {
    const { page } = await look();
    const png = await encoded({ width: 64, height: 48, data: colourImage(1, 64, 7).slice(0, 64 * 48 * 3) }, "png");
    const files = page.getByLabel("Images to open");
    await files.setInputFiles({ name: "mine.png", mimeType: "image/png", buffer: png });
    await page.getByRole("img", { name: "Chosen: mine.png" }).waitFor(PATIENT);
    await button(page, "Run").click();
    await expect.poll(textOf(page, "Network"), PATIENT).toContain("Left at");
    await files.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no image") });
    await expect.poll(textOf(page, "Events"), PATIENT).toContain("That file is no image");
    await files.setInputFiles({ name: "broken.png", mimeType: "image/png", buffer: Buffer.from("no image") });
    await page.getByRole("img", { name: "Chosen: broken.png" }).waitFor({ ...PATIENT, state: "attached" });
    await button(page, "Run").click();
    await expect.poll(textOf(page, "Events"), PATIENT).toContain("cannot decode the image");
  });

  test("by keys: an arrow chooses the next image and runs it", async () => {
    const { page } = await look();
    await page.locator(".thumbnails input:checked").focus();
    await page.keyboard.press("ArrowRight");
    await page.getByRole("img", { name: "Chosen: green" }).waitFor(PATIENT);
    await expect.poll(textOf(page, "Network"), PATIENT).toContain("Left at");
    await page.getByRole("button", { name: "Compare" }).focus();
    await page.keyboard.press("Space");
    await button(page, "Comparing").waitFor(PATIENT);
  });

  test("without a camera the page says so", async () => {
    const { page } = await look();
    await button(page, "Camera").click();
    await expect.poll(textOf(page, "Events"), PATIENT).toMatch(/camera\s.*camera/is);
  });

  test.each([
    { name: "desktop", width: 1280, colorScheme: "light" },
    { name: "desktop", width: 1280, colorScheme: "dark" },
    { name: "phone", width: 390, colorScheme: "light" },
    { name: "phone", width: 390, colorScheme: "dark" },
  ] as const)("$name, $colorScheme: nothing sticks out, nobody is shut out", async ({ name, width, colorScheme }) => {
    const { page, complaints } = await look({ width, colorScheme });
    await isPlanned(page);
    await page.screenshot({ path: join(SHOTS, `playground-${name}-${colorScheme}-idle.png`), fullPage: true });
    expect(await accessibilityProblems(page)).toEqual([]);
    await button(page, "Compare").click();
    await page.getByLabel("Prefer, the most wanted first").fill("no sense");
    await button(page, "Run on and on").click();
    await expect.poll(textOf(page, "Side by side"), PATIENT).toMatch(/The last ([4-9]|\d\d) images/);
    await button(page, "Stop").click();
    await page.screenshot({ path: join(SHOTS, `playground-${name}-${colorScheme}.png`), fullPage: true });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
