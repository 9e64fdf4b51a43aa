// The `spinn` command: what it understands, and how it fails: one line on standard error, exit code 1.

import { Argument, Command, CommanderError, Option } from "commander";
import { type BenchName, benches } from "../bench/index.ts";
import { isSpinnError, messageOf } from "../errors.ts";
import { type ExperimentName, experimentNames, experiments } from "../evaluate/experiments/index.ts";
import { architectures } from "../generator/index.ts";
import { programName } from "../package-file.ts";
import { logLevels } from "../telemetry/log.ts";
import { withAccessFlags } from "./access-flags.ts";
import { benchCommand } from "./commands/bench.ts";
import { buildCommand } from "./commands/build.ts";
import { demoCommand } from "./commands/demo.ts";
import { deployCommand } from "./commands/deploy.ts";
import { evalCommand } from "./commands/eval.ts";
import { experimentCommand } from "./commands/experiment.ts";
import { gatewayCommand } from "./commands/gateway.ts";
import { inferCommand } from "./commands/infer.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { loadCommand } from "./commands/load.ts";
import { planCommand } from "./commands/plan.ts";
import { playgroundCommand } from "./commands/playground.ts";
import { profileCommand } from "./commands/profile.ts";
import { serveCommand } from "./commands/serve.ts";
import { trainCommand } from "./commands/train.ts";
import { workerCommand } from "./commands/worker.ts";
import { type Io, processIo } from "./io.ts";
import {
  atLeastOne,
  confidence,
  confidences,
  eachOf,
  fractions,
  headKind,
  naturalNumber,
  nonNegativeNumber,
  port,
  positiveInteger,
  positiveNumber,
  providers,
  share,
} from "./options.ts";

/** @returns the exit code: 0, 1 for any failure, 130 when interrupted */
export async function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  try {
    await program(io).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    io.status("");
    // program() has already said what it is about.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1;
    io.err(`spinn: ${messageOf(error)}`);
    if (process.env.DEBUG && error instanceof Error) io.err(String(error.stack));
    return isSpinnError(error, "Aborted") ? 130 : 1;
  }
}

function program(io: Io): Command {
  const spinn = new Command("spinn")
    .description("Progressive inference of CNNs over device and cloud: networks with early exits, as ONNX files")
    .version(programName().replace(/^.*\//, ""), "--version", "which one this is")
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      outputError: (text, write) => write(`spinn: ${misunderstood(text)}`),
    })
    .exitOverride();
  const dataHelp =
    "cifar10, cifar100, imagenette, mnist:DIR, cifar10:DIR or a folder with one folder of images a class";

  training(
    spinn.command("build").description("give a trained ONNX classifier six early exits; its trunk stays as it is"),
  )
    .addArgument(new Argument("<model.onnx>", "the classifier"))
    .requiredOption("--data <data>", dataHelp)
    .requiredOption("--out <file>", "where the progressive model goes")
    .option("--epochs <n>", "passes over the training images", positiveInteger, 6)
    .option("--lr <rate>", "peak learning rate of Adam (default: 0.002)", positiveNumber)
    .option(
      "--preprocessing <name>",
      "cifar, imagenet, mobilenetv2, mnist or a JSON file (default: whichever fits best)",
    )
    .option("--labels <file>", "class names, one a line (default: the data set's, where it has as many)")
    .option("--calibration-images <n>", "test images to calibrate on (default: a fifth, at most 2000)", positiveInteger)
    .action((path, options) => buildCommand(io, path, options));

  training(
    spinn.command("train").description("build a network with six exits and train everything jointly from scratch"),
  )
    .addOption(new Option("--arch <name>", "what to build").choices(Object.keys(architectures)).makeOptionMandatory())
    .requiredOption("--data <data>", dataHelp)
    .requiredOption("--out <file>", "where the model goes")
    .option("--width <n>", "channels of the first stage (default: the published network's)", positiveInteger)
    .option("--epochs <n>", "passes over the training images", positiveInteger, 60)
    .option("--lr <rate>", "peak learning rate (default: 0.1, with Adam 0.001)", positiveNumber)
    .addOption(new Option("--optimizer <name>", "how to step").choices(["sgd", "adam"]).default("sgd"))
    .addOption(
      new Option("--schedule <name>", "how the learning rate falls").choices(["cosine", "steps"]).default("cosine"),
    )
    .option("--weight-decay <rate>", "(default: 0.0005, with Adam 0)", nonNegativeNumber)
    .option("--label-smoothing <share>", "probability spread over all classes", share)
    .option("--average-decay <share>", "of the moving average of the weights; 0: none (default: 0.999)", share)
    .option("--held-out <n>", "training images kept for calibration (default: 5000)", positiveInteger)
    .action((options) => trainCommand(io, options));

  spinn
    .command("inspect")
    .description("layers, FLOPs, exits and split candidates of an ONNX network")
    .argument("<model.onnx>")
    .addOption(new Option("--cuts <which>", "after ReLUs or after any layer").choices(["relu", "any"]).default("relu"))
    .option("--json", "one JSON document on standard output")
    .action((path, options) => inspectCommand(io, path, options));

  spinn
    .command("eval")
    .description("accuracy, exit rates and mean FLOPs for every threshold")
    .argument("<model.onnx>")
    .requiredOption("--data <data>", dataHelp)
    .addOption(new Option("--split <name>", "which part").choices(["train", "test"]).default("test"))
    .option("--limit <n>", "at most so many images, evenly spread", positiveInteger)
    .option(
      "--preprocessing <name>",
      "for a model that does not say: cifar, imagenet, mobilenetv2, mnist or a JSON file",
    )
    .option("--all-images", "also those that the exits were calibrated on")
    .option("--threads <n>", "threads inside one operator", positiveInteger)
    .option("--plot <file.svg>", "draw accuracy and exit rates against the threshold")
    .option("--json", "one JSON document on standard output")
    .action((path, options) => evalCommand(io, path, options));

  spinn
    .command("profile")
    .description("how accurate each exit is and what is sent, for every cut and codec: into the model file, for plans")
    .argument("<model.onnx>", "a progressive model")
    .requiredOption("--data <data>", dataHelp)
    .option(
      "--images <n>",
      "how many of the images it was calibrated on (default: 1000, large ones 250)",
      positiveInteger,
    )
    .option("--cuts <n>", "how many cuts at most", positiveInteger, 20)
    .option("--seed <n>", "chooses the images", naturalNumber, 1)
    .option("--training-seed <n>", "the seed that the network was trained with", naturalNumber, 1)
    .option("--threads <n>", "threads inside one operator", positiveInteger)
    .option("--out <file>", "where the model goes with its profile (default: where it came from)")
    .option("--json", "one JSON document on standard output")
    .action((path, options) => profileCommand(io, path, options));

  agreement(
    spinn
      .command("plan")
      .description("where to split, how sure to be and how to pack, for an agreement, a link and loads, and why")
      .argument("<model.onnx>", "a progressive model, best with a profile (spinn profile)"),
  )
    .option("--link <link>", "bandwidth and round trip, or a preset like 4g", "24mbps/40ms")
    .option("--device-load <factor>", "how much slower the device is than when it was measured", positiveNumber, 1)
    .option("--server-load <factor>", "likewise the server", positiveNumber, 1)
    .option("--device-slowdown <factor>", "a device that is so much slower than this machine's cores", atLeastOne, 1)
    .option("--server-slowdown <factor>", "likewise a server", positiveNumber, 1)
    .option("--threshold <share>", "one confidence for all exits (default: chosen, one for each)", confidence)
    .option("--cut <id>", "input, none, a cut's name, or auto", "auto")
    .option("--threads <n>", "threads inside one operator (default: 1)", positiveInteger)
    .option("--explain", "also the runners-up, and what the constraints have excluded")
    .option("--json", "one JSON document on standard output")
    .action((path, options) => planCommand(io, path, options));

  withServiceFlags(
    spinn
      .command("serve")
      .description("serve networks to devices, which may hand over at any cut")
      .argument("[model.onnx...]", "progressive models, or any classifiers; looked at again when they change")
      .option("--config <file>", "settings as JSON, also the models; what is said here goes before it")
      .option("--nats <url>", "compute for gateways on NATS what is deployed there, instead of serving devices")
      .option("--nats-creds <file>", "credentials for NATS")
      .option("--host <address>", "where to listen; 0.0.0.0 lets other machines in (default: 127.0.0.1)")
      .option("--port <n>", "0 takes a free one (default: 8484)", port)
      .option("--workers <n>", "threads that compute, of each network (default: one a core)", positiveInteger)
      .option("--threads <n>", "threads inside one operator (default: 1)", positiveInteger)
      .option(
        "--provider <names>",
        "ONNX Runtime's execution providers, in order of preference (default: cpu)",
        providers,
      )
      .option("--max-queued <n>", "runs that wait or compute; more are refused (default: 64)", positiveInteger)
      .addOption(
        new Option(
          "--batching <how>",
          "on: runs go through the network together, as far as that is measured to pay (default: on)",
        ).choices(["on", "off"]),
      )
      .option("--samples <data>", `images for the playground to try: ${dataHelp}`)
      .option(
        "--allow-origin <origin>",
        "whose pages may connect and download networks, beside the server's own; * for all",
        eachOf,
      ),
  ).action((models, options) =>
    options.nats === undefined ? serveCommand(io, models, options) : workerCommand(io, models, options),
  );

  withServiceFlags(
    spinn
      .command("gateway")
      .description("devices on one side, workers on NATS (spinn serve --nats) on the other")
      .requiredOption("--nats <url>", "nats://host:port")
      .option("--nats-creds <file>", "credentials for NATS")
      .option("--host <address>", "where to listen; 0.0.0.0 lets other machines in", "127.0.0.1")
      .option("--port <n>", "0 takes a free one", port, 8484)
      .option("--max-queued <n>", "runs that wait or compute; more are refused (default: 1024)", positiveInteger)
      .option(
        "--allow-origin <origin>",
        "whose pages may download the networks, beside the gateway's own; * for all",
        eachOf,
      ),
  ).action((options) => gatewayCommand(io, options));

  spinn
    .command("deploy")
    .description("have workers on NATS compute a network; without one: what is deployed")
    .argument("[model.onnx]", "a progressive model, or any classifier")
    .requiredOption("--nats <url>", "nats://host:port")
    .option("--nats-creds <file>", "credentials for NATS")
    .option("--name <name>", "letters, digits, - and _ (default: the file's up to its first dot)")
    .option("--model-version <version>", "served beside others; the same one again is replaced (default: 1)")
    .option("--max-queued <n>", "runs that may wait at one gateway (default: 256)", positiveInteger)
    .option("--remove <name@version>", "take it away; whoever waits for an answer gets it")
    .option("--json", "one JSON document on standard output")
    .action((path, options) => deployCommand(io, path, options));

  agreement(
    spinn
      .command("infer")
      .description("what is on these images: computed here, at a server, or partly here and partly there")
      .argument("<model.onnx>", "a progressive model; the server must have the same")
      .argument("<image...>", "JPEG, PNG or WebP files"),
  )
    .option("--server <url>", "ws://host:port; without it everything is computed here")
    .option("--token-file <file>", "holds the token for a server that asks for one (or set SPINN_TOKEN)")
    .option("--cut <id>", "where to hand over: input, none, a cut's name (spinn inspect lists them), or auto", "auto")
    .option(
      "--threshold <share>",
      "confidence that is enough (default: 0.8, or chosen for --require and --prefer)",
      confidence,
    )
    .addOption(
      new Option("--codec <name>", "how what crosses the link is packed")
        .choices(["auto", "float32", "packed", "lz4", "rans", "image"])
        .default("auto"),
    )
    .option("--bits <n>", "width of quantized values, 2 to 8 (default: 8)", positiveInteger)
    .addOption(
      new Option("--continue <how>", "does the device go on computing what it has handed over?")
        .choices(["never", "on-failure", "hedge"])
        .default("on-failure"),
    )
    .option("--deadline <ms>", "answer by then, as well as is possible", positiveNumber)
    .option("--repeat <n>", "ask so often; the table shows medians", positiveInteger, 1)
    .option("--device-slowdown <factor>", "compute as a device that is so much slower", atLeastOne, 1)
    .option("--otlp <url>", otlpHelp)
    .option("--json", "one JSON document on standard output")
    .action((model, images, options) => inferCommand(io, model, images, options));

  spinn
    .command("demo")
    .description(
      "1000 real images over an emulated mobile link: SPINN beside device only and server only, through an outage",
    )
    .option("--images <n>", "how many CIFAR-10 test images", positiveInteger, 1000)
    .option("--cut <id>", "where the device hands over: input, none, a cut's name, or auto", "auto")
    .option("--threshold <share>", "confidence that is enough, the same for all exits (default: chosen)", confidence)
    .option("--require <constraint>", 'what SPINN must keep, like "latency.p95 <= 60ms"', eachOf)
    .option("--prefer <target>", "what it is to pursue (default: accuracy but for 1 point, then mean latency)", eachOf)
    .addOption(
      new Option("--continue <how>", "does the device go on computing after it has handed over?")
        .choices(["never", "on-failure", "hedge"])
        .default("on-failure"),
    )
    .option("--link <link>", "bandwidth and round trip, or a preset like 4g", "24mbps/40ms")
    .option("--device-slowdown <factor>", "how much slower the devices are than this machine's cores", atLeastOne, 100)
    .option("--no-outage", "leave the server alone")
    .option("--open", "instead of all that: the playground in a browser, with a server and sample images")
    .option("--json", "one JSON document on standard output")
    .action((options) => (options.open ? playgroundCommand(io, options) : demoCommand(io, options)));

  spinn
    .command("experiment")
    .description("regenerates the paper's evaluation on this machine: an HTML page with figures, and JSON")
    .addArgument(new Argument("<name>", experimentHelp()).choices([...experimentNames, "all"]))
    .option("--out <folder>", "where the report goes; finished experiments in it are kept", "report")
    .option("--seed <n>", "of images, traces and settings", naturalNumber, 1)
    .option("--quick", "few points and images: does everything run?")
    .option("--again", "run again what is done already")
    .option("--json", "one JSON document on standard output")
    .action((name: ExperimentName | "all", options) => experimentCommand(io, name, options));

  spinn
    .command("load")
    .description("many emulated devices on a server, each with its own cut, threshold and images")
    .argument("[model.onnx]", "the network that the server serves (default: the shipped one)")
    .option("--server <url>", "ws://host:port; without it one is started here")
    .option("--token-file <file>", "holds the token for a server that asks for one (or set SPINN_TOKEN)")
    .option("--devices <n>", "how many", positiveInteger, 64)
    .option("--seconds <n>", "for how long", positiveNumber, 20)
    .option("--rate <n>", "requests a second and device (default: the next when the last is answered)", positiveNumber)
    .option("--in-flight <n>", "without --rate: requests of a device at the same time", positiveInteger, 1)
    .option("--cuts <ids>", "where devices hand over, in turn (default: eight, spread)", (text: string) =>
      text.split(","),
    )
    .option("--thresholds <list>", "confidence that is enough, of the devices in turn", confidences, [0.7, 0.8, 0.9, 1])
    .option("--deadline <ms>", "after which a device answers for itself", positiveNumber)
    .option("--data <data>", `images to send: ${dataHelp} (default: noise)`)
    .option("--images <n>", "different images", positiveInteger, 16)
    .option("--processes <n>", "among which the devices are dealt out", positiveInteger, 1)
    .option("--seed <n>", "names the load", naturalNumber, 1)
    .option("--json", "one JSON document on standard output")
    .action((model, options) => loadCommand(io, model, options));

  spinn
    .command("bench")
    .description("the measurements behind the documentation's figures, on this machine")
    .addArgument(new Argument("<name>", benchHelp()).choices(Object.keys(benches)))
    .argument("[options...]", "a benchmark's own, and --save: keep the result in bench/results of this folder")
    .option("--json", "one JSON document on standard output")
    .allowUnknownOption()
    .action((name: BenchName, args: string[], { json = false }) => benchCommand(name, { json, args }));
  return spinn;
}

function experimentHelp(): string {
  return Object.entries(experiments)
    .map(([name, { question }]) => `${name}: ${question}`)
    .join("\n");
}

function benchHelp(): string {
  return Object.entries(benches)
    .map(([name, { question }]) => `${name}: ${question}`)
    .join("\n");
}

/** Commander's complaint ("error: unknown option\n(Did you mean …?)") as one line, with what to do. */
function misunderstood(text: string): string {
  const line = text
    .trim()
    .replace(/^error: /, "")
    .replace(/\s*\n\s*/g, " ")
    .replace(/\.$/, "");
  return `${line}. --help shows what is understood`;
}

function agreement(command: Command): Command {
  return command
    .option("--require <constraint>", 'what must hold, like "latency.p95 <= 60ms"; the most important first', eachOf)
    .option("--prefer <target>", 'what is wanted beyond that, like "min server-cost"', eachOf);
}

function training(command: Command): Command {
  return command
    .option("--seed <n>", "names the result", naturalNumber, 1)
    .option("--head <kind>", "msdnet, sdn or linear", headKind, "msdnet")
    .option(
      "--head-width <n>",
      "channels of an msdnet head (default: what 2.5 % of the trunk's FLOPs allow)",
      positiveInteger,
    )
    .option(
      "--fractions <list>",
      "where exits go, as shares of the FLOPs (default: 0.15,0.3,0.45,0.6,0.75,0.9)",
      fractions,
    )
    .option("--batch-size <n>", "images a step (default: 128)", positiveInteger)
    .option("--micro-batch <n>", "images through the graph at once (default: 32)", positiveInteger)
    .option("--workers <n>", "training threads (default: one a core)", positiveInteger)
    .option("--provider <names>", "ONNX Runtime's execution providers, in order of preference", providers, ["cpu"])
    .option("--checkpoint <file>", "where an unfinished run is kept (default: <out>.checkpoint)")
    .option("--resume", "go on with an unfinished run")
    .option("--restart", "forget an unfinished run")
    .option("--log <file>", "append one JSON line an epoch");
}

const otlpHelp = "a collector of OpenTelemetry that traces go to, like http://localhost:4318";

/** Of each command that goes on until it is told to end, beside who may come in. */
function withServiceFlags(command: Command): Command {
  return withAccessFlags(command)
    .option("--grace <s>", "runs that take longer after SIGTERM are refused", nonNegativeNumber, 5)
    .addOption(new Option("--log <format>", "how the log is written").choices(["human", "json"]).default("human"))
    .addOption(new Option("--log-level <level>", "what is worth a line").choices(logLevels).default("info"))
    .option("--otlp <url>", otlpHelp)
    .option("--json", "one JSON line on standard output when ready");
}
