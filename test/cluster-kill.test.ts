// Workers killed under load, as processes: the short form of `npm run bench -- cluster`.

import { describe, expect, test, vi } from "vitest";
import { Asker } from "../bench/cluster-asker.ts";
import { Processes } from "../bench/cluster-processes.ts";
import { describeNetwork } from "../src/engine/index.ts";
import { readModelFile } from "../src/onnx/index.ts";
import { hasNats, noNats } from "./nats-server.ts";

const MODEL = "models/cifar10-vgg16.spinn.onnx";

describe.skipIf(!hasNats())(hasNats() ? "a cluster of processes" : noNats, () => {
  test("workers are killed and added under load: no run is lost", async () => {
    const network = describeNetwork(await readModelFile(MODEL));
    const processes = await Processes.start(MODEL);
    try {
      await processes.addWorker();
      await processes.addWorker();
      const askers = await Promise.all(Array.from({ length: 4 }, () => Asker.dial(processes.gatewayUrl, network)));
      for (const asker of askers) await asker.ask();
      const until = new AbortController();
      const load = askers.map((asker) => asker.askFor(Number.POSITIVE_INFINITY, until.signal));
      const answered = (): number => askers.reduce((sum, asker) => sum + asker.answered, 0);
      const progress = async (runs: number): Promise<void> => {
        const before = answered();
        await vi.waitFor(() => expect(answered()).toBeGreaterThan(before + runs), { timeout: 60_000, interval: 20 });
      };
      await progress(50);
      await processes.killWorker();
      await progress(50);
      await processes.addWorker();
      await processes.killWorker();
      await progress(50);
      until.abort();
      // with no worker at all for longer than it waits, a gateway says that it is busy: a device answers for itself then
      for (const { asked, answered, refused } of await Promise.all(load)) expect(answered + refused).toBe(asked);
      for (const asker of askers) asker.close();
    } finally {
      await processes.close();
    }
  });
});
