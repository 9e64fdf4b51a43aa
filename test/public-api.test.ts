// The public names, one snapshot: whoever changes them sees it here, and says so in the CHANGELOG.
// After a change on purpose: npx vitest run test/public-api.test.ts -u

import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const { exports } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  exports: Record<string, { types: string } | string>;
};

/** The names that an index file lists: it holds nothing but `export { … } from …`. */
function namesIn(index: URL): string[] {
  const text = readFileSync(index, "utf8");
  return Array.from(text.matchAll(/^export (type )?\{([^}]*)\}/gm)).flatMap(([, all, list = ""]) =>
    list
      .split(",")
      .map((name) => name.trim())
      .filter(Boolean)
      .map((name) => (all ? `type ${name}` : name)),
  );
}

test("public names", async () => {
  const names: Record<string, { values: string[]; types: string[] }> = {};
  for (const [subpath, target] of Object.entries(exports)) {
    if (typeof target === "string") continue;
    const source = target.types.replace("./dist/", "../src/").replace(/\.d\.ts$/, ".ts");
    const index = new URL(source, import.meta.url);
    if (!existsSync(index)) continue; // test/package.test.ts says so
    const listed = namesIn(index);
    const values = listed.filter((name) => !name.startsWith("type ")).sort();
    expect(Object.keys(await import(index.href)).sort()).toEqual(values);
    names[subpath] = { values, types: listed.flatMap((name) => /^type (.+)/.exec(name)?.[1] ?? []).sort() };
  }
  expect(names).toMatchInlineSnapshot(`
    {
      ".": {
        "types": [
          "AddExitsOptions",
          "BuildProgressiveOptions",
          "Dataset",
          "ErrorCode",
          "Evaluation",
          "Metadata",
          "ModelProto",
          "OpenOptions",
          "Preprocessing",
          "TrainOptions",
          "TrainProgress",
          "TrainProgressiveOptions",
          "TrainResult",
        ],
        "values": [
          "SpinnError",
          "addExits",
          "buildProgressive",
          "calibrate",
          "evaluate",
          "isSpinnError",
          "openDataset",
          "preprocessings",
          "readMetadata",
          "readModelFile",
          "train",
          "trainProgressive",
          "writeModelFile",
        ],
      },
      "./autodiff": {
        "types": [
          "AdamOptions",
          "DifferentiateOptions",
          "GradientRule",
          "OptimizerOptions",
          "ParameterSlot",
          "RuleContext",
          "SgdOptions",
          "StatisticsSlot",
          "TrainingGraph",
          "UpdateVectors",
        ],
        "values": [
          "adamDefaults",
          "applyUpdate",
          "differentiableOperators",
          "differentiate",
          "gradientRule",
          "sgdDefaults",
          "usableBlock",
        ],
      },
      "./codec": {
        "types": [
          "CodecChoice",
          "CodecCost",
          "CodecName",
          "Coding",
          "EntropyCoder",
          "EntropyCoderName",
          "FloatValues",
          "LinkState",
          "PackedTensor",
          "Packet",
          "PacketLimits",
          "Quantization",
          "QuantizedValues",
          "Symbols",
        ],
        "values": [
          "MODEL_HASH_BYTES",
          "PACKET_VERSION",
          "chooseCodec",
          "chooseQuantization",
          "decodePacket",
          "decodeQuantized",
          "decodeTensor",
          "defaultPacketLimits",
          "dequantize",
          "encodePacket",
          "encodeTensor",
          "entropyCoders",
          "quantize",
          "shouldCompress",
        ],
      },
      "./data": {
        "types": [
          "Augmentation",
          "Batch",
          "BatchLoader",
          "BatchLoaderOptions",
          "BatchSource",
          "Box",
          "Dataset",
          "Holdout",
          "OpenOptions",
          "Pixels",
          "PrefetchOptions",
          "Preprocessing",
          "SharedDataset",
          "Split",
        ],
        "values": [
          "augmentations",
          "cacheRoot",
          "createBatchLoader",
          "dataRoot",
          "decodeImage",
          "decodeImageFile",
          "openDataset",
          "outputIndices",
          "packedDataset",
          "parsePreprocessing",
          "prefetch",
          "preprocess",
          "preprocessings",
          "resize",
          "splitHoldout",
          "subset",
        ],
      },
      "./generator": {
        "types": [
          "AddExitsOptions",
          "Answer",
          "ArchitectureName",
          "ArchitectureOptions",
          "BuildProgressiveOptions",
          "Calibration",
          "CollectOptions",
          "Decision",
          "DetectedPreprocessing",
          "EpochRecord",
          "EvaluateOptions",
          "Evaluation",
          "ExitCandidate",
          "ExitInfo",
          "ExitPlace",
          "ExitRecord",
          "HeadKind",
          "HeadOptions",
          "LearningRateSchedule",
          "Metadata",
          "PolicyOutcome",
          "RunOptions",
          "Thresholds",
          "TrainOptions",
          "TrainProgress",
          "TrainProgressiveOptions",
          "TrainResult",
        ],
        "values": [
          "addExits",
          "answerOf",
          "architectures",
          "buildArchitecture",
          "buildProgressive",
          "calibrate",
          "calibrationSplit",
          "decide",
          "detectPreprocessing",
          "evaluate",
          "isArchitectureName",
          "isConfident",
          "isHeadKind",
          "learningRateAt",
          "mostConfident",
          "placeExits",
          "plotEvaluation",
          "policyOutcome",
          "readMetadata",
          "shallowDeepTau",
          "train",
          "trainProgressive",
          "withMetadata",
          "withoutCalibrationImages",
        ],
      },
      "./onnx": {
        "types": [
          "ArticulationPoint",
          "AttributeProto",
          "AttributeValue",
          "Attributes",
          "Dim",
          "GraphProto",
          "MacCount",
          "ModelProto",
          "NodeOptions",
          "NodeProto",
          "SliceEnds",
          "TensorInfo",
          "TensorProto",
          "TrunkOptions",
          "ValueInfoProto",
          "WriteModelOptions",
        ],
        "values": [
          "DataType",
          "GraphBuilder",
          "MAX_OPSET",
          "MIN_OPSET",
          "articulationPoints",
          "countMacs",
          "declaredType",
          "decodeModel",
          "edit",
          "encodeModel",
          "floatTensor",
          "foldBatchNorm",
          "inferShapes",
          "int64Tensor",
          "makeNode",
          "makeValueInfo",
          "opsetOf",
          "prune",
          "readModelFile",
          "removeDead",
          "sliceModel",
          "sortTopologically",
          "tensorValues",
          "upgradeOpset",
          "validateModel",
          "writeModelFile",
        ],
      },
      "./runtime": {
        "types": [
          "CreateSession",
          "Session",
          "SessionOptions",
          "Tensors",
        ],
        "values": [
          "createSession",
        ],
      },
      "./splitter": {
        "types": [
          "ArticulationPoint",
          "Cut",
          "CutOptions",
          "CutTensor",
          "SliceEnds",
          "TrunkOptions",
        ],
        "values": [
          "articulationPoints",
          "cutCandidates",
          "sliceModel",
        ],
      },
      "./wire": {
        "types": [
          "Cancel",
          "ExitAnswer",
          "Hello",
          "Message",
          "MessageKind",
          "Payload",
          "PeerLimits",
          "Ping",
          "Pong",
          "Refuse",
          "RefuseCode",
          "Result",
          "Run",
          "RunPlan",
          "Stats",
          "WireLimits",
        ],
        "values": [
          "FrameReader",
          "MAX_HELLO_BYTES",
          "PROTOCOL_VERSION",
          "decodeMessage",
          "defaultWireLimits",
          "encodeFrame",
          "encodeMessage",
          "refusals",
        ],
      },
    }
  `);
});
