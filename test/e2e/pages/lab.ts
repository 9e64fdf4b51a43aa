// The page of the browser tests: does what it is asked to in a real browser, and says what it saw.

import { type OrtWeb, openOrtWeb } from "../../../src/runtime/ort-web.ts";
import { runtimeSuite } from "../../contract/runtime-suite.ts";
import type { Lab } from "../lab.ts";

let runtime: OrtWeb | undefined;
const fallbacks: string[] = [];

const lab: Lab = {
  async open(options) {
    const assets = new URL("ort/", document.baseURI);
    runtime = await openOrtWeb({ ...options, assets, onFallback: (reason) => fallbacks.push(reason) });
    return { provider: runtime.provider, threads: runtime.threads, fallbacks };
  },
  async observe(name) {
    return await runtimeSuite.find((one) => one.name === name)!.observe(runtime!.createSession);
  },
};

Object.assign(globalThis, { lab });
