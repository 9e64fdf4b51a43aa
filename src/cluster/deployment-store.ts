// Deployments in NATS' key-value store: written by `spinn deploy`, followed by workers and gateways.

import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../errors.ts";
import { type Deployment, deploymentKey, parseDeployment } from "./deployment.ts";
import { jetStreamFailure } from "./jetstream-failure.ts";
import { DEPLOYMENTS_BUCKET } from "./subjects.ts";

export interface DeploymentStore {
  /** Replaces one of the same name and version. @throws {SpinnError} Connection */
  put(deployment: Deployment): Promise<void>;
  /** @returns whether it was there. @throws {SpinnError} Connection */
  remove(name: string, version: string): Promise<boolean>;
  /** Those that are there now. @throws {SpinnError} Connection */
  list(): Promise<Deployment[]>;
  /**
   * Calls `changed` with all of them: with those that are there, and again after each change. Survives breaks of the connection.
   *
   * @param failed hears of entries that are damaged, which are left out
   * @returns stops it
   */
  watch(changed: (all: readonly Deployment[]) => void, failed: (error: unknown) => void): Promise<() => void>;
}

/** @throws {SpinnError} Connection when the server does not keep anything */
export async function openDeployments(nats: NatsConnection): Promise<DeploymentStore> {
  const attempt = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (cause) {
      throw jetStreamFailure(what, cause);
    }
  };
  const kv = await attempt("open the deployments", () => new Kvm(nats).create(DEPLOYMENTS_BUCKET, { history: 5 }));
  return {
    put: (deployment) =>
      attempt("deploy", async () => {
        await kv.put(deploymentKey(deployment), JSON.stringify(deployment));
      }),
    remove: (name, version) =>
      attempt("take the deployment away", async () => {
        const entry = await kv.get(deploymentKey({ name, version }));
        if (entry?.operation !== "PUT") return false;
        await kv.delete(entry.key);
        return true;
      }),
    list: () =>
      attempt("list the deployments", async () => {
        const all: Deployment[] = [];
        for await (const key of await kv.keys()) {
          const entry = await kv.get(key);
          if (entry?.operation === "PUT") all.push(parseDeployment(key, entry.string()));
        }
        return all.sort(inOrder);
      }),
    watch: (changed, failed) => attempt("follow the deployments", () => follow(kv, changed, failed)),
  };
}

async function follow(
  kv: KV,
  changed: (all: readonly Deployment[]) => void,
  failed: (error: unknown) => void,
): Promise<() => void> {
  const all = new Map<string, Deployment>();
  const entries = await kv.watch();
  const tell = (): void => changed([...all.values()].sort(inOrder));
  let isComplete = false;
  const read = async (): Promise<void> => {
    for await (const entry of entries) {
      const { key, operation, isUpdate, delta = 0 } = entry;
      all.delete(key);
      try {
        if (operation === "PUT") all.set(key, parseDeployment(key, entry.string()));
      } catch (error) {
        failed(error);
      }
      // of what was there at first the last
      isComplete ||= isUpdate || delta === 0;
      if (isComplete) tell();
    }
  };
  read().catch((error: unknown) => failed(new Error(`The deployments are not followed any more: ${messageOf(error)}`)));
  return () => entries.stop();
}

function inOrder(a: Deployment, b: Deployment): number {
  return deploymentKey(a) < deploymentKey(b) ? -1 : 1;
}
