// How the server is, for those who look after it: a load balancer's health check and Prometheus.

import type { Metrics } from "../metrics.ts";
import { json, type Route } from "./route.ts";

export interface StatusRoutesOptions {
  readonly metrics: Metrics;
  /** Does it take no more runs, and will soon be gone? */
  readonly isDraining: () => boolean;
  /** Program and version. */
  readonly agent: string;
}

export function statusRoutes({ metrics, isDraining, agent }: StatusRoutesOptions): Route[] {
  return [
    {
      path: "/healthz",
      access: "public",
      get: () => json({ status: isDraining() ? "draining" : "ok", agent }, { status: isDraining() ? 503 : 200 }),
    },
    {
      path: "/metrics",
      access: "operator",
      get: async () => ({ contentType: metrics.contentType, body: await metrics.text() }),
    },
  ];
}
