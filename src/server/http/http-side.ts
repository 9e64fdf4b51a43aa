// All that the server answers over HTTP: pages, networks for download, sample images, the Open Inference Protocol, the console,
// metrics and health.

import type { RequestListener } from "node:http";
import type { Dataset } from "../../data/index.ts";
import type { CloudEvent } from "../../engine/cloud-events.ts";
import type { ClientLedger, CloudStats } from "../../engine/index.ts";
import { Watch } from "../console/watch.ts";
import { createMetrics } from "../metrics.ts";
import type { ServedNetwork } from "../served-network.ts";
import { consoleRoutes } from "./console-routes.ts";
import { modelRoutes } from "./model-routes.ts";
import { pageRoutes } from "./page-routes.ts";
import { createRouter, type RouterOptions } from "./router.ts";
import { sampleRoutes } from "./sample-routes.ts";
import { createSliceCutter } from "./slice-cutter.ts";
import { statusRoutes } from "./status-routes.ts";
import { v2Routes } from "./v2-routes.ts";

export interface HttpSideOptions extends Omit<RouterOptions, "routes" | "onReply"> {
  /** Those that are served now. */
  readonly networks: () => readonly ServedNetwork[];
  readonly stats: () => CloudStats;
  /** Does the server take no more runs, and will soon be gone? */
  readonly isDraining: () => boolean;
  /** Program and version. */
  readonly agent: string;
  /** Do as many runs wait or compute as may? */
  readonly isFull: () => boolean;
  /** What each client may use, over HTTP as over WebSocket. */
  readonly ledger: ClientLedger;
  /** Hears of runs that came over HTTP. */
  readonly onRun?: (event: CloudEvent) => void;
  /** Images for the pages to try. */
  readonly samples?: Dataset;
}

export interface HttpSide {
  /** For an HTTP server. */
  readonly onRequest: RequestListener;
  /** Is to hear of all that happens at the engine. */
  readonly onEvent: (event: CloudEvent) => void;
  close(): Promise<void>;
}

export function createHttpSide(options: HttpSideOptions): HttpSide {
  const { networks, samples, stats, isDraining, agent, isFull, ledger, onRun, ...router } = options;
  const cutter = createSliceCutter();
  const metrics = createMetrics({ networks, stats });
  const watch = new Watch({ networks, stats, isDraining, agent });
  const onEvent = (event: CloudEvent): void => {
    metrics.onEvent(event);
    watch.onEvent(event);
  };
  const onHttpRun = (event: CloudEvent): void => {
    onEvent(event);
    onRun?.(event);
  };
  const routes = [
    ...pageRoutes(),
    ...modelRoutes(networks, cutter),
    ...sampleRoutes(samples),
    ...v2Routes({ networks, agent, isReady: () => !isDraining(), isFull, ledger, onEvent: onHttpRun }),
    ...consoleRoutes(watch),
    ...statusRoutes({ metrics, isDraining, agent }),
  ];
  return {
    onRequest: createRouter({ ...router, routes, onReply: metrics.onHttp }),
    onEvent,
    async close() {
      watch.close();
      await cutter.close();
    },
  };
}
