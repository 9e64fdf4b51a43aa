// What the page of the browser tests can be asked to do. Arguments and answers cross as plain data.

import type { Page } from "playwright-core";

export interface Lab {
  /** Opens the runtime that everything else uses. */
  open(options: { prefer?: "webgpu" | "wasm"; threads?: number; softwareGpu?: boolean }): Promise<LabRuntime>;
  /** The observations of a case of the runtime's contract. */
  observe(name: string): Promise<unknown>;
}

export interface LabRuntime {
  readonly provider: string;
  readonly threads: number;
  /** Why less than what was asked for has to do. */
  readonly fallbacks: readonly string[];
}

/** Asks the page. @example await ask(page, "observe", "run() computes only what is fetched") */
export async function ask<K extends keyof Lab>(
  page: Page,
  what: K,
  ...args: Parameters<Lab[K]>
): Promise<Awaited<ReturnType<Lab[K]>>> {
  await page.waitForFunction("globalThis.lab");
  return await page.evaluate(
    ([what, args]) => {
      const { lab } = globalThis as unknown as { lab: Record<string, (...args: unknown[]) => unknown> };
      return lab[what]!(...args) as never;
    },
    [what, args as unknown[]] as const,
  );
}
