import { expect, test } from "vitest";
import { exchange, startHttp } from "../../../test/http-exchange.ts";
import { ClientLedger, createCloudEngine } from "../../engine/index.ts";
import { createMetrics } from "../metrics.ts";
import { createRouter } from "./router.ts";
import { statusRoutes } from "./status-routes.ts";
import { v2Routes } from "./v2-routes.ts";

test("a server that shuts down says so to whoever sends it work", async () => {
  let isDraining = false;
  const engine = createCloudEngine({ networks: [] });
  const networks = () => [];
  const metrics = createMetrics({ networks, stats: () => engine.stats() });
  const common = { agent: "spinn/1.2.3", isDraining: () => isDraining };
  const v2 = v2Routes({
    ...common,
    networks,
    isReady: () => !isDraining,
    isFull: () => false,
    ledger: new ClientLedger({}),
    onEvent: metrics.onEvent,
  });
  const port = await startHttp(createRouter({ routes: [...statusRoutes({ ...common, metrics }), ...v2] }));
  expect(await exchange(port, "/healthz")).toMatchObject({
    status: 200,
    body: '{"status":"ok","agent":"spinn/1.2.3"}',
  });
  expect(await exchange(port, "/v2/health/ready")).toMatchObject({ status: 200 });
  isDraining = true;
  expect(await exchange(port, "/healthz")).toMatchObject({
    status: 503,
    body: '{"status":"draining","agent":"spinn/1.2.3"}',
  });
  expect(await exchange(port, "/v2/health/ready")).toMatchObject({ status: 503 });
  expect(await exchange(port, "/v2/health/live")).toMatchObject({ status: 200 });
});
