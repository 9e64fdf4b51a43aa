// Ctrl-C and --resume as users meet them: the program in a process of its own, its signals, its files.

import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeModelFile } from "../src/onnx/index.ts";
import { type Outcome, type Program, spinn, startSpinn, writeColourFolder } from "./spinn.ts";
import { toyNetwork } from "./toy.ts";

let folder = "";
let data = "";
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spinn-resume-"));
  data = await writeColourFolder(folder);
  await writeModelFile(file("plain.onnx"), toyNetwork({ side: 32 }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const small = ["--batch-size", "6", "--micro-batch", "6", "--workers", "1", "--seed", "5"];
const train = (out: string, ...more: string[]): string[] => {
  const network = ["--arch", "resnet14", "--width", "8", "--head", "linear"];
  return ["train", ...network, "--data", data, "--out", file(out), "--epochs", "12", ...small, ...more];
};
const build = (out: string, ...more: string[]): string[] => {
  const heads = ["--head", "linear", "--fractions", "0.2,0.7", "--preprocessing", "cifar"];
  return [
    "build",
    file("plain.onnx"),
    "--data",
    data,
    "--out",
    file(out),
    "--epochs",
    "40",
    ...heads,
    ...small,
    ...more,
  ];
};

/** Presses Ctrl-C once an epoch is over. */
async function interrupted(args: readonly string[]): Promise<Outcome> {
  const program: Program = startSpinn(args);
  await program.line(/^epoch 1\//);
  program.process.kill("SIGINT");
  return await program.ended;
}

test.each([
  { name: "train", command: train, epochs: 12 },
  { name: "build", command: build, epochs: 40 },
])(
  "spinn $name: Ctrl-C, then --resume, gives the very file of an uninterrupted run",
  async ({ name, command, epochs }) => {
    const [whole, parts] = [`${name}-whole.onnx`, `${name}-parts.onnx`];
    const checkpoint = `${file(parts)}.checkpoint`;
    const uninterrupted = spinn(...command(whole));

    const stopped = await interrupted(command(parts));
    expect(stopped).toMatchObject({ code: 130, out: "" });
    expect(stopped.err.at(-2)).toBe("Stopping where nothing is lost; once more to stop at once");
    expect(stopped.err.at(-1)).toMatch(/^spinn: Stopped in epoch \d+ after \d+ of \d+ steps\. Go on with --resume$/);
    expect(existsSync(checkpoint)).toBe(true);
    expect(existsSync(file(parts))).toBe(false);

    const again = await spinn(...command(parts));
    expect(again).toEqual({
      code: 1,
      out: "",
      err: [`spinn: ${checkpoint} holds an unfinished run. Add --resume to go on with it, or --restart to begin again`],
    });
    const other = await spinn(...command(parts, "--resume", "--seed", "6"));
    expect(other.code).toBe(1);
    expect(other.err.at(-1)).toMatch(/belongs to a run with another network, data set, seed or option\. Repeat/);
    expect(existsSync(checkpoint)).toBe(true);

    const resumed = await spinn(...command(parts, "--resume"));
    expect(resumed).toMatchObject({ code: 0, out: "" });
    const trained = (o: Outcome): number[] =>
      o.err.flatMap((line) => /^epoch (\d+)\/\d+ {2}/.exec(line)?.[1] ?? []).map(Number);
    // every epoch is told of once
    expect([...trained(stopped), ...trained(resumed)]).toEqual(Array.from({ length: epochs }, (_, i) => i + 1));
    expect(await uninterrupted).toMatchObject({ code: 0 });
    expect((await readFile(file(parts))).equals(await readFile(file(whole)))).toBe(true);
    expect((await readdir(folder)).filter((entry) => entry.includes(name))).toEqual([parts, whole]);
  },
);

test("--restart begins again", async () => {
  const args = train("restarted.onnx", "--checkpoint", file("kept.checkpoint"));
  expect(await interrupted(args)).toMatchObject({ code: 130 });
  expect(existsSync(file("kept.checkpoint"))).toBe(true);
  const again = await spinn(...args, "--restart", "--epochs", "1");
  expect(again).toMatchObject({ code: 0 });
  expect(again.err.filter((line) => line.startsWith("epoch"))).toHaveLength(1);
  expect(existsSync(file("kept.checkpoint"))).toBe(false);
});

test("SIGTERM stops like Ctrl-C; before the first step there is nothing but the checkpoint", async () => {
  const program = startSpinn(train("terminated.onnx"));
  await program.line(/^Training resnet14/);
  program.process.kill("SIGTERM");
  expect(await program.ended).toMatchObject({ code: 130, out: "" });
  expect((await readdir(folder)).filter((entry) => entry.includes("terminated"))).toEqual([
    "terminated.onnx.checkpoint",
  ]);
});
