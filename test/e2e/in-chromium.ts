// A browser and a site for the tests of a file, where there is a browser.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { chromiumPath, noChromium, startChromium } from "../browser/chromium.ts";
import { type Site, type SiteFiles, startSite } from "../browser/site.ts";

export interface Visit {
  readonly page: Page;
  /** What it has said on its console, and errors that nobody caught. */
  readonly complaints: readonly string[];
}

/** Opens the page; `isolated`: cross-origin isolated, so that it may have threads. */
export type Visitor = (mode: "plain" | "isolated") => Promise<Visit>;

/**
 * Tests that are skipped, with the reason, where there is no Chromium.
 *
 * @param script of the page, relative to the repository
 * @param files what lies beside the page
 */
export function describeInChromium(script: string, files: SiteFiles, tests: (visit: Visitor) => void): void {
  const isHere = chromiumPath() !== undefined;
  describe.skipIf(!isHere)(isHere ? "in Chromium" : noChromium, () => {
    let site: Site | undefined;
    let browser: Browser | undefined;
    beforeAll(async () => {
      [site, browser] = await Promise.all([startSite(script, files), startChromium()]);
    });
    afterAll(async () => {
      await browser?.close();
      await site?.close();
    });
    tests(async (mode) => {
      const page = await browser!.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`${site!.url}${mode}/index.html`);
      return { page, complaints };
    });
  });
}
