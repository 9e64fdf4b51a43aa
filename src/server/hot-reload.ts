// Keeps a server's networks as its configuration and their files say: when one of them changes, and whenever somebody asks.

import { messageOf } from "../errors.ts";
import type { ModelFile } from "./model-file.ts";
import type { ModelChanges } from "./model-registry.ts";
import type { Server } from "./serve.ts";
import { watchFiles } from "./watch-files.ts";

export interface HotReloadOptions {
  readonly server: Pick<Server, "reload">;
  /** What is to be served, as the configuration says now. */
  readonly models: () => Promise<readonly ModelFile[]>;
  /** The configuration's file, if there is one; the networks' files are watched anyway. */
  readonly configPath?: string;
  /** What was served from the start. */
  readonly initial: readonly ModelFile[];
  readonly onReload: (outcome: ReloadOutcome) => void;
  /** @default 1000 */
  readonly intervalMs?: number;
}

/** What came of a reload; `refused`: why nothing was changed. */
export type ReloadOutcome =
  | ({ readonly kind: "done" } & ModelChanges)
  | { readonly kind: "refused"; readonly reason: string };

export interface HotReload {
  /** Reads everything again, whether it seems to have changed or not. */
  now(): Promise<void>;
  stop(): void;
}

export function hotReload({ server, models, configPath, initial, onReload, intervalMs }: HotReloadOptions): HotReload {
  let files = initial;
  const now = async (): Promise<void> => {
    try {
      files = await models();
      onReload({ kind: "done", ...(await server.reload(files)) });
    } catch (error) {
      onReload({ kind: "refused", reason: messageOf(error) });
    }
  };
  const stop = watchFiles({
    paths: () => [...(configPath === undefined ? [] : [configPath]), ...files.map(({ path }) => path)],
    onChange: () => void now(),
    ...(intervalMs !== undefined && { intervalMs }),
  });
  return { now, stop };
}
