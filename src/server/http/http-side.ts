// All that the server answers over HTTP: pages, networks for download, sample images.

import type { RequestListener } from "node:http";
import type { Dataset } from "../../data/index.ts";
import { type HttpNetwork, modelRoutes } from "./model-routes.ts";
import { pageRoutes } from "./page-routes.ts";
import { createRouter, type RouterOptions } from "./router.ts";
import { sampleRoutes } from "./sample-routes.ts";
import { createSliceCutter } from "./slice-cutter.ts";

export interface HttpSideOptions extends Omit<RouterOptions, "routes"> {
  /** Those that are served now. */
  readonly networks: () => readonly HttpNetwork[];
  /** Images for the pages to try. */
  readonly samples?: Dataset;
}

export interface HttpSide {
  /** For an HTTP server. */
  readonly onRequest: RequestListener;
  close(): Promise<void>;
}

export function createHttpSide({ networks, samples, ...router }: HttpSideOptions): HttpSide {
  const cutter = createSliceCutter();
  const routes = [...pageRoutes(), ...modelRoutes(networks, cutter), ...sampleRoutes(samples)];
  return { onRequest: createRouter({ ...router, routes }), close: () => cutter.close() };
}
