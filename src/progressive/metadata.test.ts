// The metadata document: written, read, and refused where it lies.

import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { isSpinnError } from "../errors.ts";
import { addExits } from "../generator/add-exits.ts";
import { buildArchitecture } from "../generator/architectures/index.ts";
import { preprocessings } from "../image/preprocessing.ts";
import { decodeModel, encodeModel } from "../onnx/codec.ts";
import { type ModelProto, ModelProtoSchema } from "../onnx/proto.ts";
import { type Metadata, metadataKey, readMetadata, withMetadata } from "./metadata.ts";

const plain = buildArchitecture("resnet20", { classes: 3, seed: 1, width: 4 });
const model = addExits(plain, { seed: 1, fractions: [0.3, 0.6], head: { kind: "linear" } });

const full: Partial<Metadata> = {
  labels: ["cat", "dog", "été"],
  preprocessing: preprocessings.cifar,
  calibration: {
    dataset: "made up",
    images: 2,
    temperatures: [1, 1.5, 0.75],
    confidences: Float32Array.of(0.5, 1, 0, 0.25, 0.75, 1),
    correct: Uint8Array.of(1, 0, 1, 1, 0, 1),
  },
};

/** The model with its document replaced by one with other fields, or by another text. */
function saying(patch: object | string): ModelProto {
  const now = JSON.parse(model.metadataProps.find((e) => e.key === metadataKey)!.value);
  const value = typeof patch === "string" ? patch : JSON.stringify({ ...now, ...patch });
  return {
    ...model,
    metadataProps: create(ModelProtoSchema, { metadataProps: [{ key: metadataKey, value }] }).metadataProps,
  };
}

test("what is written is read back from the file", () => {
  const written = withMetadata(withMetadata(model, { labels: ["a", "b", "c"] }), full);
  const read = readMetadata(decodeModel(encodeModel(written)))!;
  expect(read).toEqual({ ...readMetadata(model), ...full });
  expect(readMetadata(withMetadata(written, {}))).toEqual(read);
});

test("a plain classifier can carry labels and preprocessing, and other people's entries stay", () => {
  expect(readMetadata(plain)).toBeUndefined();
  const { metadataProps } = create(ModelProtoSchema, { metadataProps: [{ key: "author", value: "me" }] });
  const labelled = withMetadata({ ...plain, metadataProps }, { labels: ["a", "b", "c"] });
  expect(labelled.metadataProps.map((e) => e.key)).toEqual(["author", "spinn"]);
  expect(readMetadata(labelled)).toEqual({ exits: [], final: "logits", labels: ["a", "b", "c"] });
});

test("a document that lies about the graph is refused", () => {
  const exits = readMetadata(model)!.exits;
  const first = (patch: object): object => ({ exits: [{ ...exits[0], ...patch }, exits[1]] });
  const lies: [object | string, RegExp][] = [
    ["{", /not JSON/],
    ["[]", /not an object/],
    [{ exits: {} }, /exits is not a list/],
    [{ exits: [1, 2] }, /exits\[0\] is not an object/],
    [
      { exits: [exits[0]] },
      /lists the outputs "exit1_logits, logits", the graph has "exit1_logits, exit2_logits, logits"/,
    ],
    [{ exits: [exits[1], exits[0]] }, /lists the outputs/],
    [{ final: "exit1_logits" }, /lists the outputs/],
    [{ final: 3 }, /final/],
    [first({ name: "" }), /exits\[0\]\.name/],
    [first({ name: "exit2" }), /share a name/],
    [first({ output: "nothing" }), /lists the outputs/],
    [first({ at: "nothing" }), /reads "nothing", which is no tensor of the trunk/],
    [first({ at: "exit2_logits" }), /no tensor of the trunk/],
    [first({ flopsFraction: 0.1 }), /exit "exit1" claims 0\.1 of all FLOPs/],
    [first({ flopsFraction: null }), /flopsFraction is not a number/],
    [first({ headMacs: 1 }), /claims a head of 1 MACs/],
    [{ labels: ["a", "b"] }, /2 labels for 3 classes/],
    [{ labels: [1, 2, 3] }, /labels is not a list of strings/],
    [{ preprocessing: { ...preprocessings.cifar, std: [0, 1, 1] } }, /std must be without 0/],
    [{ preprocessing: preprocessings.imagenet }, /makes \[3, 224, 224\], the graph takes \[3, 32, 32\]/],
    [{ calibration: { temperatures: [1] } }, /calibration record is damaged/],
  ];
  for (const [patch, why] of lies) {
    expect(() => readMetadata(saying(patch))).toThrow(why);
    expect(() => readMetadata(saying(patch))).toThrow(expect.objectContaining({ code: "InvalidModel" }));
  }
  expect(() => readMetadata(saying({ version: 2 }))).toThrow(/has version "2", this program reads 1/);
  expect(() => withMetadata(model, { labels: ["a"] })).toThrow(/1 labels for 3 classes/);
  expect(() => withMetadata(model, { calibration: { ...full.calibration!, images: 3 } })).toThrow(/does not fit/);
});

test("property: whatever replaces a part of the document, it is read or refused in one line", () => {
  const written = withMetadata(model, full);
  const document = written.metadataProps.find((e) => e.key === metadataKey)!.value;
  const paths: (readonly string[])[] = [];
  const visit = (value: unknown, path: readonly string[]): void => {
    paths.push(path);
    if (typeof value === "object" && value !== null)
      for (const [key, child] of Object.entries(value)) visit(child, [...path, key]);
  };
  visit(JSON.parse(document), []);
  fc.assert(
    fc.property(fc.constantFrom(...paths.slice(1)), fc.jsonValue({ maxDepth: 2 }), (path, value) => {
      const json = JSON.parse(document);
      const parent = path.slice(0, -1).reduce((at, key) => at[key], json);
      parent[path.at(-1)!] = value;
      try {
        readMetadata(saying(JSON.stringify(json)));
      } catch (error) {
        expect(isSpinnError(error)).toBe(true);
        expect((error as Error).message).not.toContain("\n");
      }
    }),
    { numRuns: 300 },
  );
});
