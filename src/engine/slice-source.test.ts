// A network for download: what is served is the network, and nothing else is.

import fc from "fast-check";
import { expect, test } from "vitest";
import { randomFeeds, runWith } from "../../test/run-model.ts";
import { toyPreprocessing, toyProgressive } from "../../test/toy.ts";
import { isSpinnError } from "../errors.ts";
import { encodeModel } from "../onnx/codec.ts";
import { edit } from "../onnx/proto.ts";
import { withMetadata } from "../progressive/metadata.ts";
import { createSession } from "../runtime/index.ts";
import { openSlices } from "./lazy-slices.ts";
import { describeNetwork, type NetworkInfo } from "./network-info.ts";
import { networkFromJson, networkToJson } from "./network-json.ts";
import { NETWORK_PATH, slicePath } from "./slice-path.ts";
import { type SliceSource, sliceSource } from "./slice-source.ts";
import type { BoundaryState } from "./sliced-network.ts";
import { stepsBetween } from "./steps.ts";

const model = toyProgressive();
const source = sliceSource(model);

function download(from: SliceSource): NetworkInfo {
  return networkFromJson(new TextDecoder().decode(from(NETWORK_PATH)!.body));
}

test("slices that were downloaded compute what the network does, and are hardly more to download", async () => {
  const info = download(source);
  let bytes = 0;
  const fetchSlice = async (from: string, _: boolean, to: readonly string[]): Promise<Uint8Array> => {
    const { body } = source(slicePath(info, from, to))!;
    bytes += body.length;
    return body;
  };
  const live = (cut: string): readonly string[] | undefined =>
    info.cuts.find(({ id }) => id === cut)?.tensors.map(({ name }) => name);
  const network = openSlices(info, { plain: { session: {}, live, slice: fetchSlice } }, { createSession });
  const feeds = randomFeeds(model);
  const whole = await runWith(model, feeds);
  let state: BoundaryState = { cut: "input", tensors: feeds, portable: true };
  for (const step of stepsBetween(info, "input", "none", [0, 0, 0])) {
    const result = await network.run(state, step, false);
    state = result.state;
    const expected = whole[info.exits[step.exit!]!.output]!.data;
    result.logits!.forEach((value, i) => {
      expect(value).toBeCloseTo(Number(expected[i]), 5);
    });
  }
  await network.release();
  expect(bytes).toBeLessThan(1.5 * encodeModel(edit(model, { metadataProps: [] })).length);
});

test("the description is the network's, but for the cuts between exits", () => {
  const calibration = {
    dataset: "noise",
    images: 2,
    temperatures: [1, 2, 0.5],
    confidences: Float32Array.of(0.5, 0.25, 1, 0.75, 0.125, 0.5),
    correct: Uint8Array.of(1, 0, 1, 1, 0, 0),
  };
  const info = describeNetwork(withMetadata(model, { calibration }));
  expect(networkFromJson(networkToJson(info))).toEqual(info);
  const { cuts, ...rest } = describeNetwork(model);
  const places = ["input", ...info.exits.map(({ at }) => at)];
  expect(download(source)).toEqual({ ...rest, cuts: cuts.filter(({ id }) => places.includes(id)) });
});

test("nothing else is served", () => {
  const info = download(source);
  const [first, second] = info.exits;
  const inside = describeNetwork(model).cuts.find(({ id }) => !info.cuts.some((cut) => cut.id === id))!;
  expect(source(slicePath(info, first!.at, [second!.output]))).toBeDefined();
  for (const path of [
    "",
    "network",
    slicePath(info, "nowhere", [second!.output]),
    slicePath(info, first!.at, []),
    slicePath(info, first!.at, ["nothing"]),
    slicePath(info, second!.at, [first!.output]), // backwards
    slicePath(info, inside.id, [second!.output]),
    slicePath({ ...info, modelHash: new Uint8Array(16) }, first!.at, [second!.output]),
  ])
    expect(source(path), path).toBeUndefined();
});

test.each(["", "<!doctype html>", "null", "[]", "{}", '{"modelHash":"00","cuts":[],"exits":[]}'])(
  "what is no description is not taken for one: %s",
  (text) => {
    expect(() => networkFromJson(text)).toThrow(
      expect.toSatisfy((error: unknown) => isSpinnError(error, "InvalidData")) as never,
    );
  },
);

test("a description that no network can have is refused, whatever part of it", () => {
  const calibrated = withMetadata(model, { preprocessing: toyPreprocessing(), labels: ["a", "b", "c"] });
  const told = networkToJson(describeNetwork(calibrated));
  expect(networkFromJson(told).preprocessing).toEqual(toyPreprocessing());
  const lies: ((json: ReturnType<typeof JSON.parse>) => void)[] = [
    (json) => (json.input = null),
    (json) => (json.input.shape = [1, 3, 1e6, 1e6]),
    (json) => (json.input.shape = [1, 3, -8, 8]),
    (json) => (json.cuts[1].tensors[0].shape = [1, 2 ** 40]),
    (json) => (json.cuts[1].id = json.cuts[2].id),
    (json) => json.cuts.shift(),
    (json) => (json.cuts[1].exitsBefore = 99),
    (json) => (json.exits[0].at = "../../elsewhere"),
    (json) => (json.exits[0].temperature = 0),
    (json) => (json.exits[0].flopsFraction = 1e300),
    (json) => (json.classes = 1e12),
    (json) => (json.labels = ["a"]),
    (json) => (json.preprocessing.width = 16_000),
    (json) => (json.modelHash = "00"),
  ];
  for (const lie of lies) {
    const json = JSON.parse(told);
    lie(json);
    expect(() => networkFromJson(JSON.stringify(json)), String(lie)).toThrow(
      expect.objectContaining({ code: "InvalidData" }),
    );
  }
});

test("property: whatever replaces a part of a description, it is read or refused in one line", () => {
  const told = networkToJson(describeNetwork(withMetadata(model, { preprocessing: toyPreprocessing() })));
  const paths: (readonly string[])[] = [];
  const visit = (value: unknown, path: readonly string[]): void => {
    paths.push(path);
    if (typeof value === "object" && value !== null)
      for (const [key, child] of Object.entries(value)) visit(child, [...path, key]);
  };
  visit(JSON.parse(told), []);
  fc.assert(
    fc.property(fc.constantFrom(...paths.slice(1)), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
      const json = JSON.parse(told);
      const parent = path.slice(0, -1).reduce((at, key) => at[key], json);
      parent[path.at(-1)!] = value;
      try {
        networkFromJson(JSON.stringify(json));
      } catch (error) {
        expect(isSpinnError(error)).toBe(true);
        expect((error as Error).message).not.toContain("\n");
      }
    }),
    { numRuns: 300 },
  );
});
