// Images to try a network on, for pages: some of a data set, spread evenly.

import { encodePng } from "../../data/encode-png.ts";
import type { Dataset } from "../../data/index.ts";
import { REVALIDATE } from "./file-reply.ts";
import { HttpError } from "./http-error.ts";
import { json, type Route } from "./route.ts";

/** As many as fit on a page. */
const SAMPLES = 48;
const FILE = /^(\d{1,9})\.png$/;

/** @param dataset without one the list is empty */
export function sampleRoutes(dataset: Dataset | undefined): Route[] {
  const count = Math.min(SAMPLES, dataset?.length ?? 0);
  const indices = Array.from({ length: count }, (_, i) => Math.floor((i * dataset!.length) / count));
  const samples = indices.map((i) => ({ url: `/samples/${i}.png`, label: dataset!.classes[dataset!.labels[i]!] }));
  return [
    { path: "/samples/index.json", access: "device", get: () => json(samples) },
    {
      path: "/samples/:file",
      access: "device",
      get: async (_, { file = "" }) => {
        const index = Number(FILE.exec(file)?.[1] ?? Number.NaN);
        if (!dataset || !indices.includes(index)) throw new HttpError(404, "There is no such sample");
        return {
          contentType: "image/png",
          body: await encodePng(await dataset.pixels(index)),
          cacheControl: REVALIDATE,
        };
      },
    },
  ];
}
