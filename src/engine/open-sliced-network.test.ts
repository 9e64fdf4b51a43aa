// Slices in any arrangement compute what the whole network computes.

import { expect, test } from "vitest";
import { needRealModels, realModel } from "../../test/real-models.ts";
import { randomFeeds, runWith } from "../../test/run-model.ts";
import { createSession } from "../runtime/index.ts";
import { openSlicedNetwork } from "./open-sliced-network.ts";
import { stepsBetween } from "./steps.ts";

test("a cut inside a residual block passes the skip connection on", async ({ skip }) => {
  needRealModels(skip);
  const model = realModel("cifar10-resnet20");
  const feeds = randomFeeds(model, { batch: 2 });
  const network = await openSlicedNetwork(model, { createSession });
  const inside = network.info.cuts.filter(({ tensors }) => tensors.length > 1).slice(4, 6);
  const path = ["input", ...inside.map(({ id }) => id), "none"];
  let state = { cut: "input", tensors: feeds, portable: true };
  let logits: Float32Array | undefined;
  for (const [i, to] of path.slice(1).entries()) {
    for (const step of stepsBetween(network.info, path[i]!, to, [0])) {
      const result = await network.run(state, step, true);
      state = result.state as typeof state;
      logits = result.logits;
    }
  }
  const whole = Object.values(await runWith(model, feeds))[0]!;
  expect(state).toEqual({ cut: "none", tensors: {}, portable: true });
  expect(logits!.length).toBe(20);
  logits!.forEach((value, i) => {
    expect(value).toBeCloseTo(Number(whole.data[i]), 4);
  });
  await network.release();
});
