// A process that is many devices. Started by `openLoad`.

import { messageOf } from "../../errors.ts";
import { websocketDial } from "../../transport/index.ts";
import { bestBefore } from "./expected-answer.ts";
import { EmulatedLoadDevice, type Shot } from "./load-device.ts";
import type { LoadCommand, LoadReply, LoadTask } from "./load-plan.ts";
import { mergeCounts } from "./merge-counts.ts";

let groups: readonly string[] = [];
let devices: readonly EmulatedLoadDevice[] = [];

function reply(message: LoadReply): void {
  process.send?.(message);
}

async function open({ server, token, modelHash, samples, devices: plans }: LoadTask): Promise<void> {
  const options = token === undefined ? {} : { token };
  const dial = websocketDial(server, options);
  groups = plans.map(({ group }) => group);
  devices = plans.map((plan) => {
    const shots = plan.samples.map((i): Shot => {
      const sample = samples[i]!;
      const best = bestBefore(sample, plan.thresholds);
      if (best === "done") throw new RangeError("A device is to send what it can answer itself");
      return { sample, ...(best && { best }) };
    });
    const own = plan.server === undefined ? dial : websocketDial(plan.server, options);
    return new EmulatedLoadDevice(plan, shots, own, modelHash);
  });
  for (const device of devices) await device.connect();
}

/** What it counted, and the processor time that it took, warm-up included. */
async function run(seconds: number, warmUpMs: number): Promise<Omit<Extract<LoadReply, { kind: "counts" }>, "kind">> {
  const before = process.cpuUsage();
  const all = await Promise.all(devices.map((device) => device.run(seconds, warmUpMs)));
  const names = [...new Set(groups)];
  const counts = names.map((name) => [name, mergeCounts(all.filter((_, i) => groups[i] === name))] as const);
  const { user, system } = process.cpuUsage(before);
  return { counts: Object.fromEntries(counts), cpuMs: (user + system) / 1000 };
}

process.on("message", (message) => {
  const command = message as LoadCommand;
  const done =
    command.kind === "open"
      ? open(command.task).then(() => reply({ kind: "ready" }))
      : run(command.seconds, command.warmUpMs).then((found) => reply({ kind: "counts", ...found }));
  done.catch((error) => reply({ kind: "failed", message: messageOf(error) }));
});
// Whoever wanted the load has gone: so do the devices.
process.once("disconnect", () => process.exit());
