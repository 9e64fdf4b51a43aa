// Chromium for tests and benchmarks: the one that the machine has.

import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const candidates = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where it is; `CHROMIUM` names another one. undefined when there is none. */
export function chromiumPath(): string | undefined {
  const { CHROMIUM } = process.env;
  return (CHROMIUM ? [CHROMIUM] : candidates).find((path) => existsSync(path));
}

/** Why a test that needs Chromium is skipped. */
export const noChromium = "there is no Chromium (apt-get install chromium, or set CHROMIUM)";

/** @throws when there is none; ask `chromiumPath` first */
export async function startChromium(): Promise<Browser> {
  const executablePath = chromiumPath();
  if (executablePath === undefined) throw new Error(noChromium);
  return await chromium.launch({
    executablePath,
    // No sandbox: it does not work for root, and what is visited is ours. A GPU emulated in software, for WebGPU's sake.
    args: ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"],
    timeout: 60_000,
  });
}
