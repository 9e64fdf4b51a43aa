// Who may import whom: docs/architecture.md's table, enforced.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const src = fileURLToPath(new URL("../src", import.meta.url));

/** Folder to the folders it may import; files at the root of src, which everybody may import, are ".". */
const layers: Readonly<Record<string, readonly string[]>> = {
  ".": [],
  onnx: [],
  runtime: ["onnx"],
  image: [],
  data: ["image"],
  autodiff: ["onnx"],
  splitter: ["onnx"],
  codec: [],
  wire: ["codec"],
  progressive: ["onnx", "image"],
  generator: ["onnx", "autodiff", "image", "data", "runtime", "progressive"],
  transport: [],
  engine: ["onnx", "image", "progressive", "splitter", "codec", "wire", "transport", "runtime"],
  batching: ["engine"],
  compute: ["batching", "onnx", "image", "data", "runtime", "engine"],
  client: [
    "onnx",
    "image",
    "data",
    "progressive",
    "codec",
    "wire",
    "transport",
    "runtime",
    "engine",
    "compute",
    "scheduler",
    "profiler",
  ],
  server: ["onnx", "image", "data", "progressive", "codec", "wire", "transport", "runtime", "engine", "compute"],
  telemetry: ["engine"],
  cluster: ["onnx", "data", "progressive", "codec", "wire", "transport", "engine", "compute", "server"],
  web: ["onnx", "image", "progressive", "codec", "wire", "transport", "runtime", "engine", "client"],
  evaluate: [
    "onnx",
    "image",
    "data",
    "runtime",
    "splitter",
    "progressive",
    "codec",
    "wire",
    "transport",
    "engine",
    "compute",
    "client",
    "server",
    "generator",
    "profiler",
    "scheduler",
  ],
  scheduler: ["progressive"],
  profiler: [
    "onnx",
    "image",
    "data",
    "runtime",
    "splitter",
    "progressive",
    "codec",
    "wire",
    "engine",
    "compute",
    "scheduler",
  ],
  bench: [
    "onnx",
    "image",
    "data",
    "runtime",
    "splitter",
    "codec",
    "engine",
    "compute",
    "client",
    "evaluate",
    "generator",
    "scheduler",
  ],
  cli: [
    "bench",
    "telemetry",
    "transport",
    "codec",
    "wire",
    "engine",
    "compute",
    "client",
    "server",
    "cluster",
    "evaluate",
    "scheduler",
    "profiler",
    "onnx",
    "autodiff",
    "image",
    "data",
    "runtime",
    "splitter",
    "progressive",
    "generator",
  ],
};
/** Types alone may be imported from further: an interface that somebody else fills in. */
const typesOnly: Readonly<Record<string, readonly string[]>> = { autodiff: ["runtime"] };

/** Where a package may be imported. */
const packages: Readonly<Record<string, readonly string[]>> = {
  "onnxruntime-node": ["runtime"],
  "onnxruntime-common": ["runtime"],
  "onnxruntime-web/wasm": ["runtime"],
  "onnxruntime-web/webgpu": ["runtime"],
  "onnx-buf": ["onnx"],
  "@bufbuild/protobuf": ["onnx", "progressive"],
  "@noble/hashes/sha2.js": ["engine"],
  ws: ["transport"],
  "@nats-io/nats-core": ["transport"],
  "@nats-io/transport-node": ["cluster"],
  "@nats-io/kv": ["cluster"],
  "@nats-io/obj": ["cluster"],
  sharp: ["data"],
  nanotar: ["data"],
  commander: ["cli"],
  "prom-client": ["server"],
  jose: ["server"],
  pino: ["telemetry"],
  "@opentelemetry/api": ["telemetry"],
  "@opentelemetry/exporter-trace-otlp-http": ["telemetry"],
  "@opentelemetry/resources": ["telemetry"],
  "@opentelemetry/sdk-trace-base": ["telemetry"],
  zod: ["server", "cluster"],
  "numcodecs/blosc": ["bench"],
};

interface Import {
  /** File, relative to src. */
  readonly file: string;
  readonly folder: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

const folderOf = (path: string): string => (path.includes(sep) ? path.split(sep)[0]! : ".");

function imports(): Import[] {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" });
  return files
    .filter((file) => /(?<!\.test)\.ts$/.test(file) && file !== "index.ts") // src/index.ts gathers everybody's names
    .flatMap((file) => {
      const statements = readFileSync(join(src, file), "utf8").matchAll(
        /^(?:import|export)\s+(type\s)?[^;"']*?from\s+"([^"]+)"|^import\s+()"([^"]+)"|\bimport\(()"([^"]+)"\)/gm,
      );
      return Array.from(statements, ([, type, from, , bare, , lazy]): Import => {
        const target = from ?? bare ?? lazy ?? "";
        const typeOnly = type !== undefined;
        return { file, folder: folderOf(file), target, typeOnly };
      });
    });
}

const isAllowed = ({ file, folder, target, typeOnly }: Import): boolean => {
  if (target.startsWith("node:")) return true;
  if (!target.startsWith(".")) return packages[target]?.includes(folder) ?? false;
  const to = folderOf(relative(src, join(src, dirname(file), target)));
  if (to === folder || to === ".") return true;
  return Boolean(layers[folder]?.includes(to) || (typeOnly && typesOnly[folder]?.includes(to)));
};

test("the test sees the imports", () => {
  const all = imports();
  expect(all.length).toBeGreaterThan(200);
  expect(all.filter(({ target }) => target === "onnxruntime-node").map(({ file }) => file)).toEqual([
    join("runtime", "ort-node.ts"),
  ]);
});

test("every folder of src is in the table", () => {
  const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !(name in layers))).toEqual([]);
});

test("folders and packages are imported only from where they may be", () => {
  const broken = imports().filter((one) => !isAllowed(one));
  expect(broken.map(({ file, target }) => `${file} imports ${target}`)).toEqual([]);
});
