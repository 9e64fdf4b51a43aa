// The console of a real server in a real browser, with devices at work.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { describeNetwork } from "../../src/engine/index.ts";
import { writeModelFile } from "../../src/onnx/index.ts";
import { Watch } from "../../src/server/console/watch.ts";
import { consoleRoutes } from "../../src/server/http/console-routes.ts";
import { HttpError } from "../../src/server/http/http-error.ts";
import { pageRoutes } from "../../src/server/http/page-routes.ts";
import { createRouter } from "../../src/server/http/router.ts";
import { type Server, serve } from "../../src/server/index.ts";
import { websocketDial } from "../../src/transport/index.ts";
import { accessibilityProblems } from "../browser/axe.ts";
import { chromiumPath, noChromium, startChromium } from "../browser/chromium.ts";
import { startHttp } from "../http-exchange.ts";
import { inputFor, RawDevice, runFor } from "../raw-device.ts";
import { toyProgressive } from "../toy.ts";

const SHOTS = "test-results";
const PATIENT = { timeout: 30_000 };
const model = toyProgressive();
const network = describeNetwork(model);
const isHere = chromiumPath() !== undefined;

describe.skipIf(!isHere)(isHere ? "in Chromium" : noChromium, () => {
  let folder: string;
  let path: string;
  let server: Server;
  let browser: Browser;
  /** Devices that ask one thing after the other until they are told to stop. */
  let devices: RawDevice[];
  let isOver = false;

  const works = async (device: RawDevice): Promise<void> => {
    for (let id = 1; !isOver; id++) {
      await device.asks(runFor(network, id, inputFor(network, id)));
      // so small a network answers so quickly that the server would take them for a flood
      await sleep(5);
    }
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "spinn-console-"));
    path = join(folder, "toy.spinn.onnx");
    await writeModelFile(path, model);
    await mkdir(SHOTS, { recursive: true });
    server = await serve({ models: [path], port: 0, workers: 1, cacheFolder: folder });
    browser = await startChromium();
    const dialled = ["phone", "tablet", "camera"].map((agent) =>
      RawDevice.greeted(websocketDial(server.url), network, { agent }),
    );
    devices = await Promise.all(dialled);
    // they are cut off at the end
    for (const device of devices) works(device).catch(() => undefined);
  });
  afterAll(async () => {
    isOver = true;
    for (const device of devices ?? []) device.close();
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true });
  });

  interface Look {
    readonly width?: number;
    readonly colorScheme?: "light" | "dark";
  }

  async function look(url: string, { width = 1280, colorScheme = "light" }: Look = {}) {
    const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    const response = await page.goto(url);
    expect(response!.status(), "the pages have to be built: npm run build").toBe(200);
    return { page, complaints };
  }

  const consoleUrl = (): string => `${server.url.replace("ws:", "http:")}/console`;
  const rows = (page: Page) => page.getByRole("row").filter({ has: page.getByRole("rowheader") });
  /** The number beside a name. */
  const figure = async (page: Page, name: string): Promise<string> =>
    await page.locator(".figures > div").filter({ hasText: name }).locator("dd").first().innerText();

  test("shows clients, what they do and how the server fares, live", async () => {
    const { page, complaints } = await look(consoleUrl());
    await page.getByText("live", { exact: true }).waitFor(PATIENT);
    await expect.poll(() => rows(page).count(), PATIENT).toBe(3);
    expect((await rows(page).allInnerTexts()).join()).toMatch(/phone|tablet|camera/);
    expect(await rows(page).first().innerText()).toMatch(/127\.0\.0\.1:\d+.*toy\.spinn\.onnx.*input/s);
    const answered = async (): Promise<number> => Number(await figure(page, "answered so far"));
    const before = await answered();
    await expect.poll(answered, PATIENT).toBeGreaterThan(before);
    await expect.poll(() => figure(page, "runs answered"), PATIENT).toMatch(/^[1-9][\d.]*\/s$/);
    expect(await page.getByRole("region", { name: "Networks" }).innerText()).toContain(
      server.models[0]!.hash.slice(0, 8),
    );
    expect(await page.getByRole("region", { name: "What happened" }).innerText()).toContain(
      "tablet, for toy.spinn.onnx",
    );
    for (const title of ["Runs", "Time of a run", "Waiting or computing", "Traffic"])
      expect(
        await page
          .getByRole("img", { name: `${title}:` })
          .locator("canvas")
          .count(),
        title,
      ).toBe(1);
    expect(complaints).toEqual([]);
  });

  test.each([
    { name: "desktop", width: 1280, colorScheme: "light" },
    { name: "desktop", width: 1280, colorScheme: "dark" },
    { name: "phone", width: 390, colorScheme: "light" },
    { name: "phone", width: 390, colorScheme: "dark" },
  ] as const)("$name, $colorScheme: nothing sticks out, nobody is shut out", async ({ name, width, colorScheme }) => {
    const { page, complaints } = await look(consoleUrl(), { width, colorScheme });
    await expect.poll(() => rows(page).count(), PATIENT).toBe(3);
    await page.screenshot({ path: join(SHOTS, `console-${name}-${colorScheme}.png`), fullPage: true });
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("can be held still, by keys", async () => {
    const { page } = await look(consoleUrl());
    await page.getByRole("button", { name: "Pause" }).waitFor(PATIENT);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("paused", { exact: true }).waitFor(PATIENT);
    const still = await figure(page, "answered so far");
    await page.waitForTimeout(1200); // two pictures would have come
    expect(await figure(page, "answered so far")).toBe(still);
    await page.getByRole("button", { name: "Resume" }).press("Enter");
    await expect.poll(() => figure(page, "answered so far"), PATIENT).not.toBe(still);
  });

  test("a server that goes is missed, and found again when it comes back", async () => {
    const first = await serve({ models: [path], port: 0, workers: 1, cacheFolder: folder });
    const { page } = await look(`${first.url.replace("ws:", "http:")}/console`);
    await page.getByText("live", { exact: true }).waitFor(PATIENT);
    await first.close();
    await page.getByRole("status").waitFor(PATIENT);
    expect(await page.getByRole("status").innerText()).toMatch(/Trying again/);
    const second = await serve({ models: [path], port: first.port, workers: 1, cacheFolder: folder });
    onTestFinished(() => second.close());
    await page.getByText("live", { exact: true }).waitFor(PATIENT);
    expect(await page.getByRole("status").count()).toBe(0);
  });

  test("asks for a token where the server does", async () => {
    const idle = { loadFactor: 1, clients: 0, queued: 0, answered: 0, refused: 0, meanBatch: 1, cancelled: 0 };
    const stats = () => ({ ...idle, turnedAway: {} });
    const watch = new Watch({ networks: () => [], stats, isDraining: () => false, agent: "spinn/1" });
    onTestFinished(() => watch.close());
    const router = createRouter({
      routes: [...pageRoutes(), ...consoleRoutes(watch)],
      async authorize({ headers }, access) {
        if (access !== "operator" || headers.authorization === "Bearer sesame") return undefined;
        if (headers.authorization === "Bearer rice") throw new HttpError(403, "That is for operators");
        throw new HttpError(401, "A token, please", { "WWW-Authenticate": "Bearer" });
      },
    });
    const { page } = await look(`http://127.0.0.1:${await startHttp(router)}/console`);
    const token = page.getByLabel("This server's console asks for an operator's token.");
    for (const [text, problem] of [
      ["open barley", "A token consists of letters"],
      ["barley", "does not accept this token"],
      ["rice", "may not see this page"],
    ] as const) {
      await token.fill(text);
      await page.keyboard.press("Enter");
      await page.getByRole("alert").getByText(problem).waitFor(PATIENT);
    }
    expect(await accessibilityProblems(page)).toEqual([]);
    await token.fill("sesame");
    await page.keyboard.press("Enter");
    await page.getByText("live", { exact: true }).waitFor(PATIENT);
    expect(page.url()).not.toContain("sesame");
    await page.reload();
    await page.getByText("live", { exact: true }).waitFor(PATIENT); // the tab remembers
  });
});
