// The page of the browser tests: does what it is asked to in a real browser, and says what it saw.

import type { Lab } from "../lab.ts";
import { codecLab } from "./codec-lab.ts";
import { engineLab } from "./engine-lab.ts";
import { runtimeLab } from "./runtime-lab.ts";
import { transportLab } from "./transport-lab.ts";

const lab: Lab = { ...runtimeLab, ...codecLab, ...transportLab, ...engineLab };
Object.assign(globalThis, { lab });
