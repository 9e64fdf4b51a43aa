// Whatever is wrong with what a user brings: one line on standard error that says what, where and what to do, exit code 1,
// nothing on standard output, and no file that was not there before.

import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { GraphBuilder } from "../src/onnx/builder.ts";
import { decodeModel, edit, encodeModel, floatTensor, type ModelProto, writeModelFile } from "../src/onnx/index.ts";
import { encoded, patternImage } from "./data/fixtures.ts";
import { type Outcome, spinn, startSpinn, writeColourFolder } from "./spinn.ts";
import { toyNetwork, toyProgressive } from "./toy.ts";

let folder = "";
let data = "";
const file = (...names: string[]): string => join(folder, ...names);

/** 32x32, so that the colour folder fits; three classes. */
const plain = (): ModelProto => toyNetwork({ side: 32 });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-bad-"));
  data = await writeColourFolder(folder, 6);
  await writeModelFile(file("plain.onnx"), plain());
  await writeModelFile(file("exits.onnx"), toyProgressive({ side: 32 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Every path below the test's folder. */
const everything = async (): Promise<string[]> => (await readdir(folder, { recursive: true })).sort();

/** Runs a command that must fail, and returns its last line. The lines before it may only tell how far it came. */
async function complaint(args: readonly string[], linesBefore = 0): Promise<string> {
  const before = await everything();
  const { code, out, err } = await spinn(...args);
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err.filter((line) => line.startsWith("spinn: "))).toHaveLength(1);
  expect(err, err.join("\n")).toHaveLength(linesBefore + 1);
  expect(await everything()).toEqual(before);
  return err.at(-1)!;
}

const train = (...more: string[]): string[] => ["train", "--arch", "resnet14", "--width", "2", ...more];
const build = (model: string, ...more: string[]): string[] => ["build", file(model), ...more];
const toOut = ["--out", "OUT"];

describe("networks", () => {
  type Change = (model: ModelProto) => Uint8Array | ModelProto;
  const cases: [what: string, change: Change, says: RegExp][] = [
    ["truncated", (m) => encodeModel(m).subarray(0, -100), /The bytes are not an ONNX model, or the file is cut short/],
    ["empty", () => new Uint8Array(0), /is empty\. Export or copy it again/],
    [
      "of other bytes",
      () => Buffer.from("GIF89a, in truth no network\n".repeat(40)),
      /The bytes are not an ONNX model/,
    ],
    ["cyclic", changed((m) => (m.graph!.node[0]!.input[0] = "relu2")), /graph is cyclic: .*"conv1"/],
    [
      "with an unknown operator",
      changed((m) => (m.graph!.node[0]!.opType = "FooConv")),
      /Node "conv1" \(FooConv\).*not known/,
    ],
    [
      "whose weights do not fit its input",
      changed((m) => (m.graph!.initializer[0]!.dims = [4n, 9n, 3n, 1n])),
      /Node "conv1" \(Conv\) on \[1, 3, 32, 32\] \[4, 9, 3, 1\]: channels do not fit/,
    ],
    [
      "of NaN weights",
      changed(
        (m) =>
          (m.graph!.initializer[0] = floatTensor("conv1.weight", new Float32Array(108).fill(Number.NaN), [4, 3, 3, 3])),
      ),
      /Weight "conv1\.weight" holds NaN at position 0\. .*train or export it again/,
    ],
    [
      "of an old opset",
      changed((m) => (m.opsetImport[0]!.version = 9n)),
      /opset 9, 11 to 21 are supported\. Export it/,
    ],
  ];

  function changed(change: (model: ModelProto) => unknown): Change {
    return (model) => {
      const copy = decodeModel(encodeModel(model));
      change(copy);
      return copy;
    };
  }

  test.each(cases)("a network %s is refused by inspect, build and eval alike", async (what, change, says) => {
    const path = file(`${what.replaceAll(" ", "-")}.onnx`);
    const broken = change(plain());
    await writeFile(path, broken instanceof Uint8Array ? broken : encodeModel(broken));
    for (const args of [
      ["inspect", path],
      ["inspect", path, "--json"],
      ["build", path, "--data", data, "--out", file("out.onnx")],
      ["eval", path, "--data", data, "--json", "--preprocessing", "cifar"],
    ]) {
      const line = await complaint(args);
      expect(line).toMatch(says);
      expect(line.startsWith(`spinn: ${path}`)).toBe(true);
    }
  });

  test.each([
    ["not JSON", "{", /metadata is damaged: it is not JSON/],
    ["of another version", "{}", /metadata has version "undefined", this program reads 1/],
    ["of another graph", undefined, /metadata is damaged: exit "exit1" claims 0\.9999 of all FLOPs/],
  ])("metadata that is %s is refused", async (_, value, says) => {
    const model = toyProgressive({ side: 32 });
    const [entry] = model.metadataProps;
    const changed = value ?? entry!.value.replace(/"flopsFraction":[\d.]+/, '"flopsFraction":0.9999');
    await writeModelFile(file("damaged.onnx"), edit(model, { metadataProps: [edit(entry!, { value: changed })] }));
    expect(await complaint(["inspect", file("damaged.onnx")])).toMatch(says);
    expect(await complaint(["eval", file("damaged.onnx"), "--data", data, "--json"])).toMatch(says);
  });

  test("external data that is missing or short is named", async () => {
    const path = file("external.onnx");
    await writeModelFile(path, toyNetwork({ side: 32, width: 16 }), { externalData: true });
    await writeFile(`${path}.data`, (await readFile(`${path}.data`)).subarray(0, 5000));
    expect(await complaint(["inspect", path])).toMatch(
      /external\.onnx: Tensor .*which has 5000\. Copy the model and its data/,
    );
    await rm(`${path}.data`);
    expect(await complaint(["inspect", path, "--json"])).toMatch(
      /external\.onnx: Tensor "conv1\.weight" lies in .*external\.onnx\.data, which cannot be read\. Put the model's data file beside it$/,
    );
  });

  test("a missing file and a folder are told apart", async () => {
    expect(await complaint(["inspect", file("nothing.onnx")])).toBe(
      `spinn: ${file("nothing.onnx")} does not exist. Check the path`,
    );
    expect(await complaint(["eval", data, "--data", data])).toBe(`spinn: ${data} is a folder. Name the ONNX file`);
  });

  test("a network that cannot get exits, or has them already, is refused", async () => {
    const out = ["--data", data, "--out", file("out.onnx"), "--preprocessing", "cifar"];
    expect(await complaint(build("exits.onnx", ...out))).toMatch(/has early exits already\. Start from the plain one/);
    expect(await complaint(build("plain.onnx", ...out))).toMatch(
      /has 4 places .* for 6 exits\. Ask for fewer fractions/,
    );
    const vector = new GraphBuilder(17);
    const weight = vector.parameter("w", new Float32Array(12).fill(1), [4, 3]);
    vector.output(vector.op("Gemm", [vector.input("x", [1, 4]), weight]));
    await writeModelFile(file("vector.onnx"), vector.build("vector"));
    expect(await complaint(build("vector.onnx", "--data", data, "--out", file("out.onnx")), 1)).toMatch(
      /does not take one image/,
    );
  });

  test("a network that knows nothing of the data is not built on", async () => {
    const out = ["--out", file("out.onnx"), "--calibration-images", "3"];
    expect(await complaint(build("plain.onnx", "--data", data, ...out), 1)).toMatch(
      /No known preprocessing fits the network on colours\/test-calibration: at best .* Give it with --preproc/,
    );
  });

  test("several outputs without metadata cannot be evaluated", async () => {
    await writeModelFile(file("mute.onnx"), edit(toyProgressive({ side: 32 }), { metadataProps: [] }));
    expect(await complaint(["eval", file("mute.onnx"), "--data", data])).toMatch(/3 outputs and no metadata/);
    expect(await complaint(["eval", file("plain.onnx"), "--data", data])).toMatch(
      /No known preprocessing fits the network on colours\/test: at best .* Give it with --preproc/,
    );
  });
});

describe("data", () => {
  const commands = (spec: string): string[][] => [
    train("--data", spec, "--out", file("out.onnx")),
    build("plain.onnx", "--data", spec, "--out", file("out.onnx")),
    ["eval", file("exits.onnx"), "--data", spec, "--json"],
  ];

  async function refused(spec: string, says: RegExp): Promise<void> {
    for (const args of commands(spec)) expect(await complaint(args)).toMatch(says);
  }

  test("a data set that does not exist", async () => {
    await refused(
      "cifar11",
      /cifar11 is neither a folder nor a known data set\. Name a folder of images, or one of cifar10, /,
    );
    await refused("folder", /folder says no folder\. Write folder:DIR/);
    await refused(`mnist:${file("nowhere")}`, /nowhere.* does not exist\. Check the path/);
  });

  test("an empty folder", async () => {
    await mkdir(file("empty"), { recursive: true });
    await refused(file("empty"), /empty has no class folders\. Make one folder a class/);
    await mkdir(file("hollow", "cat"), { recursive: true });
    await refused(file("hollow"), /class folder .*cat has no JPEG, PNG or WebP image\. Fill or remove it/);
  });

  test("a folder with files instead of class folders, or labelled one level too deep", async () => {
    const png = await encoded(patternImage(32, 32), "png");
    await mkdir(file("flat"), { recursive: true });
    await writeFile(file("flat", "cat.png"), png);
    await refused(file("flat"), /cat\.png lies where class folders are expected\. Put images into one folder a class/);
    await mkdir(file("deep", "photos", "cat"), { recursive: true });
    await writeFile(file("deep", "photos", "cat", "1.png"), png);
    await refused(file("deep"), /photos has no JPEG.*\. Name the folder whose folders are the classes/);
  });

  test("splits of different classes", async () => {
    const png = await encoded(patternImage(32, 32), "png");
    for (const path of ["train/a", "train/b", "val/a", "val/c"]) {
      await mkdir(file("unequal", path), { recursive: true });
      await writeFile(file("unequal", path, "1.png"), png);
    }
    await refused(file("unequal"), /which .* lacks\. Give both splits the same classes/);
  });

  test("a corrupt JPEG, met while training, while building and while evaluating", async () => {
    const jpeg = await encoded(patternImage(48, 48), "jpeg");
    const broken = await writeColourFolder(file("corrupt"), 6);
    // the test split is chosen by the files' names: damage a whole class, and each split meets one
    for (const name of await readdir(join(broken, "red"))) {
      await rm(join(broken, "red", name));
      await writeFile(join(broken, "red", name.replace(".png", ".jpg")), jpeg.subarray(0, jpeg.length / 2));
    }
    const says = /^spinn: .*corrupt.colours.red.\d\.jpg cannot be decoded as an image\. Replace or remove the file\.$/;
    const [training, building, evaluating] = commands(broken) as [string[], string[], string[]];
    const small = ["--batch-size", "12", "--workers", "1", "--fractions", "0.2,0.7"];
    expect(await complaint([...training, ...small], 1)).toMatch(says);
    expect(await complaint([...building, ...small, "--preprocessing", "cifar"], 1)).toMatch(says);
    expect(await complaint(evaluating)).toMatch(says);
  });

  test("classes that are not the network's", async () => {
    const two = file("two");
    const png = await encoded(patternImage(32, 32), "png");
    for (const path of ["train/a", "train/b", "val/a", "val/b"]) {
      await mkdir(join(two, path), { recursive: true });
      await writeFile(join(two, path, "1.png"), png);
    }
    const says = /two\/test has 2 classes but the model has 3 outputs\. Choose a data set of the model's classes/;
    expect(await complaint(["eval", file("exits.onnx"), "--data", two])).toMatch(says);
    expect(await complaint(build("plain.onnx", "--data", two, "--out", file("out.onnx")), 1)).toMatch(
      /two\/test-calibration has 2 classes but the model has 3 outputs/,
    );
  });

  test("too few images for a batch", async () => {
    const line = await complaint([...train("--data", data, "--out", file("out.onnx"))], 1);
    expect(line).toMatch(/colours\/train-rest has too few images for a batch of 128/);
  });
});

describe("places for the result", () => {
  test.each([
    [
      "in a folder that does not exist",
      "nowhere/out.onnx",
      /Cannot write to the folder .*nowhere\. Create it or choose another/,
    ],
    ["that is a folder", "colours", /colours is a folder\. Name a file/],
    ["below a file", "plain.onnx/out.onnx", /Cannot write to the folder .*plain\.onnx\. Create it or choose another/],
  ])("a place %s is refused before any work", async (_, place, says) => {
    const out = ["--out", file(place)];
    expect(await complaint(train("--data", data, ...out))).toMatch(says);
    expect(await complaint(build("plain.onnx", "--data", data, ...out))).toMatch(says);
    expect(await complaint(["eval", file("exits.onnx"), "--data", data, "--plot", file(place)])).toMatch(says);
    expect(await complaint(train("--data", data, "--out", file("out.onnx"), "--log", file(place)))).toMatch(says);
  });

  test("a folder that may not be written is refused before any work", async ({ skip }) => {
    let place = file("locked");
    await mkdir(place, { recursive: true });
    await chmod(place, 0o555);
    if (
      await writeFile(join(place, "probe"), "").then(
        () => true,
        () => false,
      )
    ) {
      await rm(join(place, "probe"));
      // the administrator may write everywhere, but for where the system has no files
      place = "/proc";
      skip(process.platform !== "linux", "permissions do not bind this user");
    }
    expect(await complaint(train("--data", data, "--out", join(place, "out.onnx")))).toBe(
      `spinn: Cannot write to the folder ${place}. Create it or choose another`,
    );
  });
});

describe("command lines", () => {
  const cases: [args: string[], says: string | RegExp][] = [
    [["fly"], "unknown command 'fly'"],
    [["inspct", "x.onnx"], "unknown command 'inspct' (Did you mean inspect?)"],
    [["inspect"], "missing required argument 'model.onnx'"],
    [["inspect", "a.onnx", "b.onnx"], /too many arguments for 'inspect'/],
    [["inspect", "a.onnx", "--jsn"], "unknown option '--jsn' (Did you mean --json?)"],
    [
      ["inspect", "a.onnx", "--cuts", "all"],
      /'--cuts <which>' argument 'all' is invalid\. Allowed choices are relu, any/,
    ],
    [["eval", "a.onnx"], "required option '--data <data>' not specified"],
    [
      ["eval", "a.onnx", "--data", "x", "--limit", "0"],
      /'--limit <n>' argument '0' is invalid\. It must be a positive integer/,
    ],
    [["eval", "a.onnx", "--data", "x", "--split", "dev"], /Allowed choices are train, test/],
    [train(...toOut), "required option '--data <data>' not specified"],
    [
      ["train", "--arch", "alexnet", "--data", "x", ...toOut],
      /'--arch <name>' argument 'alexnet' is invalid\. Allowed choices are resnet14, /,
    ],
    [
      train("--data", "x", ...toOut, "--epochs", "1.5"),
      /'--epochs <n>' argument '1\.5' is invalid\. It must be a positive integer/,
    ],
    [train("--data", "x", ...toOut, "--epochs", "many"), /argument 'many' is invalid/],
    [
      train("--data", "x", ...toOut, "--lr", "-1"),
      /'--lr <rate>' argument '-1' is invalid\. It must be a positive number/,
    ],
    [train("--data", "x", ...toOut, "--weight-decay", "-1"), /It must be 0 or a positive number/],
    [train("--data", "x", ...toOut, "--seed", ""), /'--seed <n>' argument '' is invalid/],
    [train("--data", "x", ...toOut, "--seed", "-3"), /It must be 0 or a positive integer/],
    [train("--data", "x", ...toOut, "--fractions", "0.5,0.3"), /They must be numbers that rise inside \(0, 1\)/],
    [train("--data", "x", ...toOut, "--head", "large"), /It must be msdnet, sdn or linear/],
    [train("--data", "x", ...toOut, "--label-smoothing", "1"), /It must be a number in \[0, 1\)/],
    [train("--data", "x", ...toOut, "--width", "two\nlines"), /argument 'two lines' is invalid/],
    [["demo", "--threshold", "sure"], /'--threshold <share>' argument 'sure' is invalid/],
  ];

  test.each(cases)("spinn %j", async (args, says) => {
    const line = await complaint(args);
    expect(line).toMatch(/^spinn: .*[^.]\. --help shows what is understood$/);
    if (typeof says === "string") expect(line).toBe(`spinn: ${says}. --help shows what is understood`);
    else expect(line).toMatch(says);
  });

  test("a batch that does not divide", async () => {
    const out = ["--data", data, "--out", file("out.onnx"), "--batch-size", "10", "--micro-batch", "4"];
    expect(await complaint(train(...out), 1)).toMatch(
      /A batch of 10 does not divide into 1 worker\(s\) x micro-batches of 4: choose a multiple of 4/,
    );
  });

  test("more images to hold out or to calibrate on than there are", async () => {
    const out = ["--data", data, "--out", file("out.onnx")];
    expect(await complaint(train(...out, "--held-out", "16"))).toMatch(/Cannot hold out 16 of 15 images/);
    expect(await complaint(build("plain.onnx", ...out, "--calibration-images", "4"))).toMatch(
      /Cannot hold out 4 of 3 images/,
    );
  });

  test("a file of class names or of preprocessing that does not fit", async () => {
    const out = ["--data", data, "--out", file("out.onnx"), "--fractions", "0.2,0.7"];
    const with_ = (...more: string[]): Promise<string> => complaint(build("plain.onnx", ...out, ...more));
    expect(await with_("--labels", file("none.txt"))).toMatch(/Cannot read the labels .*none\.txt.*\. Check the path$/);
    await writeFile(file("labels.txt"), "red\nblue\n");
    expect(await with_("--preprocessing", "cifar", "--labels", file("labels.txt"))).toMatch(
      /There are 2 class names for a network of 3 classes\. Give one for each/,
    );
    expect(await with_("--preprocessing", "pytorch")).toMatch(
      /Cannot read the preprocessing "pytorch": .*\. Name a JSON file or one of cifar, mnist, imagenet, mobilenetv2$/,
    );
    await writeFile(file("preprocessing.json"), '{"width": "wide"}');
    expect(await with_("--preprocessing", file("preprocessing.json"))).toMatch(
      /preprocessing\.json: Preprocessing is invalid: width must be a positive integer, not "wide"/,
    );
    expect(await with_("--preprocessing", "mnist")).toMatch(
      /takes images \[3, 32, 32\], preprocessing makes \[1, 32, 32\]/,
    );
  });

  test("an unfinished run's checkpoint, unless told what to do with it", async () => {
    const out = file("unfinished.onnx");
    await writeFile(`${out}.checkpoint`, "something");
    for (const args of [train("--data", data, "--out", out), build("plain.onnx", "--data", data, "--out", out)]) {
      expect(await complaint(args)).toBe(
        `spinn: ${out}.checkpoint holds an unfinished run. Add --resume to go on with it, or --restart to begin again`,
      );
      expect(await complaint([...args, "--resume", "--restart"])).toMatch(/--resume .*--restart/);
    }
    const small = ["--batch-size", "12", "--workers", "1"];
    expect(await complaint(train("--data", data, "--out", out, "--resume", ...small), 1)).toMatch(
      /unfinished\.onnx\.checkpoint is damaged or no checkpoint\. Delete it/,
    );
  });
});

test("the demo's link is looked at before anything starts", async () => {
  expect(await complaint(["demo", "--link", "24mb/40ms"])).toMatch(
    /"24mb\/40ms" at character 3: "mb" is no unit of bandwidth/,
  );
});

test("the program itself does the same: one line, exit code 1, nothing on standard output", async () => {
  const outcomes: Outcome[] = await Promise.all([
    startSpinn(["inspect", "nothing.onnx", "--json"], folder).ended,
    startSpinn(["eval", "exits.onnx", "--data", "empty-handed", "--json"], folder).ended,
    startSpinn(["eval", "exits.onnx", "--limit", "x", "--json"], folder).ended,
  ]);
  expect(outcomes.map(({ code, out, err }) => [code, out, err.length])).toEqual(outcomes.map(() => [1, "", 1]));
  expect(outcomes[0]!.err[0]).toBe("spinn: nothing.onnx does not exist. Check the path");
  expect(outcomes[1]!.err[0]).toMatch(/^spinn: empty-handed is neither a folder nor a known data set/);
});
