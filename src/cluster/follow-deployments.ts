// Keeps what a process serves in step with the deployments: one change at a time, and what is new is there before what is old goes.

import { type Deployment, deploymentKey } from "./deployment.ts";
import type { DeploymentStore } from "./deployment-store.ts";

/** What a process does about a deployment. */
export interface Serving {
  /** Serves it from now on. */
  open(deployment: Deployment): Promise<void>;
  /** Serves it no longer; whoever waits for an answer gets it. */
  retire(deployment: Deployment): Promise<void>;
}

export interface Following {
  /** Those that are served now. */
  readonly served: readonly Deployment[];
  /** Stops, after the change that is under way. */
  stop(): Promise<void>;
}

/** What could not be opened is tried again after so long. */
const RETRY_MS = 5000;

/**
 * Resolves when the deployments that are there are served, but for those that cannot be.
 *
 * @param failed hears of each deployment that cannot be served
 * @throws {SpinnError} Connection
 */
export async function followDeployments(
  store: DeploymentStore,
  serving: Serving,
  failed: (error: unknown) => void,
): Promise<Following> {
  const follower = new Follower(serving, failed);
  const unwatch = await store.watch((all) => follower.want(all), failed);
  // an empty store says nothing
  if ((await store.list().catch(() => [])).length > 0) await follower.begun;
  await follower.settled;
  return {
    get served() {
      return follower.served;
    },
    async stop() {
      unwatch();
      follower.stop();
      await follower.settled;
    },
  };
}

class Follower {
  /** Resolves when there was something to serve for the first time. */
  readonly begun: Promise<void>;
  settled: Promise<void> = Promise.resolve();
  readonly #serving: Serving;
  readonly #failed: (error: unknown) => void;
  /** By the network's hash. */
  readonly #served = new Map<string, Deployment>();
  #wanted: readonly Deployment[] = [];
  #begin!: () => void;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;

  constructor(serving: Serving, failed: (error: unknown) => void) {
    this.#serving = serving;
    this.#failed = failed;
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  get served(): readonly Deployment[] {
    return [...this.#served.values()];
  }

  want(all: readonly Deployment[]): void {
    this.#wanted = all;
    this.#begin();
    this.#turn();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#retry);
  }

  #turn(): void {
    clearTimeout(this.#retry);
    this.settled = this.settled.then(() => this.#step());
  }

  async #step(): Promise<void> {
    // a network is served once, under the first of its names
    const wanted = new Map([...this.#wanted].reverse().map((deployment) => [deployment.hash, deployment]));
    let isComplete = true;
    for (const [hash, deployment] of wanted) {
      const served = this.#served.get(hash);
      if (this.#isStopped) return;
      if (served && isSame(served, deployment)) continue;
      if (served) await this.#retireOne(served);
      if (await this.#attempt(() => this.#serving.open(deployment))) this.#served.set(hash, deployment);
      else isComplete = false;
    }
    for (const [hash, deployment] of [...this.#served]) {
      if (!this.#isStopped && !wanted.has(hash)) await this.#retireOne(deployment);
    }
    if (!isComplete && !this.#isStopped) this.#retry = setTimeout(() => this.#turn(), RETRY_MS);
  }

  async #retireOne(deployment: Deployment): Promise<void> {
    this.#served.delete(deployment.hash);
    await this.#attempt(() => this.#serving.retire(deployment));
  }

  async #attempt(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }
}

function isSame(a: Deployment, b: Deployment): boolean {
  return deploymentKey(a) === deploymentKey(b) && a.fileHash === b.fileHash && a.maxQueued === b.maxQueued;
}
