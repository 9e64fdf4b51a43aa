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
          "Dataset",
          "Holdout",
          "OpenOptions",
          "PrefetchOptions",
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
          "prefetch",
          "splitHoldout",
          "subset",
        ],
      },
      "./generator": {
        "types": [
          "AddExitsOptions",
          "ArchitectureName",
          "ArchitectureOptions",
          "BuildProgressiveOptions",
          "CollectOptions",
          "DetectedPreprocessing",
          "EpochRecord",
          "EvaluateOptions",
          "Evaluation",
          "ExitCandidate",
          "ExitPlace",
          "HeadKind",
          "HeadOptions",
          "LearningRateSchedule",
          "RunOptions",
          "TrainOptions",
          "TrainProgress",
          "TrainProgressiveOptions",
          "TrainResult",
        ],
        "values": [
          "addExits",
          "architectures",
          "buildArchitecture",
          "buildProgressive",
          "calibrate",
          "calibrationSplit",
          "detectPreprocessing",
          "evaluate",
          "isArchitectureName",
          "isHeadKind",
          "learningRateAt",
          "placeExits",
          "plotEvaluation",
          "shallowDeepTau",
          "train",
          "trainProgressive",
          "withoutCalibrationImages",
        ],
      },
      "./image": {
        "types": [
          "Box",
          "Pixels",
          "Preprocessing",
        ],
        "values": [
          "parsePreprocessing",
          "preprocess",
          "preprocessings",
          "resize",
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
      "./progressive": {
        "types": [
          "Answer",
          "Calibration",
          "Decision",
          "ExitInfo",
          "ExitRecord",
          "Metadata",
          "PolicyOutcome",
          "Thresholds",
        ],
        "values": [
          "answerOf",
          "checkThresholds",
          "decide",
          "isConfident",
          "mostConfident",
          "policyOutcome",
          "readMetadata",
          "supersedes",
          "withMetadata",
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
      "./web": {
        "types": [
          "NetworkInfo",
          "OrtWeb",
          "OrtWebOptions",
          "SlicedNetworkOptions",
          "WebProvider",
        ],
        "values": [
          "decodeModel",
          "describeNetwork",
          "openOrtWeb",
          "openSlicedNetwork",
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
