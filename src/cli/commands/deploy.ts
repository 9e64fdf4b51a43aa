// `spinn deploy`: what the workers on NATS are to compute. Without a model it lists what is deployed.

import { deployModel, openDeployments, openNats } from "../../cluster/index.ts";
import { SpinnError } from "../../errors.ts";
import type { Io } from "../io.ts";
import { type NatsCommandOptions, natsOf } from "./gateway.ts";

export interface DeployCommandOptions extends NatsCommandOptions {
  name?: string;
  modelVersion?: string;
  maxQueued?: number;
  remove?: string;
  json?: boolean;
}

export async function deployCommand(io: Io, path: string | undefined, options: DeployCommandOptions): Promise<void> {
  const { name, modelVersion, maxQueued, remove, json } = options;
  if (path !== undefined && remove !== undefined)
    throw new SpinnError("Usage", "Either a model is deployed or one is removed", { hint: "Leave out one of the two" });
  if (path === undefined && (name !== undefined || modelVersion !== undefined || maxQueued !== undefined))
    throw new SpinnError("Usage", "--name, --model-version and --max-queued are about a model", {
      hint: "Name its file",
    });
  const nats = await openNats({ ...natsOf(options), name: "spinn deploy" });
  try {
    const deployments = await openDeployments(nats);
    if (path !== undefined) {
      const made = await deployModel(nats, path, {
        ...(name !== undefined && { name }),
        ...(modelVersion !== undefined && { version: modelVersion }),
        ...(maxQueued !== undefined && { maxQueued }),
      });
      io.out(json ? JSON.stringify(made) : `Deployed ${made.name}@${made.version} (${made.hash.slice(0, 8)})`);
      return;
    }
    if (remove !== undefined) {
      const [which = "", version = "1"] = remove.split("@");
      if (!(await deployments.remove(which, version)))
        throw new SpinnError("Usage", `${which}@${version} is not deployed`, { hint: "spinn deploy lists what is" });
    }
    const all = await deployments.list();
    if (json) io.out(JSON.stringify(all));
    else if (all.length === 0) io.out("Nothing is deployed");
    else
      for (const { name, version, hash, maxQueued } of all)
        io.out(`${name}@${version}  ${hash}  at most ${maxQueued} wait`);
  } finally {
    await nats.close();
  }
}
