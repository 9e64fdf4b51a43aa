// Thousands of hostile messages against a real server; `npm run bench -- hostile` sends a million.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { attack } from "../bench/hostile.ts";
import { attackKinds } from "../bench/hostile-frames.ts";
import { openCompute } from "../src/compute/index.ts";
import { toyProgressive } from "./toy.ts";

test("whatever a peer sends has an outcome with a name, and honest devices get right answers meanwhile", async () => {
  const cacheFolder = await mkdtemp(join(tmpdir(), "spinn-hostile-"));
  onTestFinished(() => rm(cacheFolder, { recursive: true }));
  const compute = await openCompute({ model: toyProgressive(), cacheFolder });
  onTestFinished(() => compute.close());
  const report = await attack({ compute, frames: 6000, webSocketFrames: 600, seed: 1 });

  expect(Object.keys(report.attacks).sort()).toEqual([...attackKinds].sort());
  expect(report.unexplained).toBe(0);
  expect(report.serverFaults).toEqual({});
  expect(report.honest).toMatchObject({ wrong: 0, reconnects: 0 });
  expect(report.honest.right).toBeGreaterThan(20);
  // All that can happen has happened.
  expect(Object.keys(report.outcomes)).toEqual(
    expect.arrayContaining([
      "answered: result",
      "answered: pong",
      "run refused: bad-payload",
      "run refused: deadline",
      "run refused: unknown-cut",
      "connection refused: protocol",
      "connection refused: unknown-model",
      "cut off: too long",
    ]),
  );
});
