// `spinn demo --open`: the playground in a browser, served by this machine, with the shipped model and images to try.

import { spawn } from "node:child_process";
import { isSpinnError } from "../../errors.ts";
import { type ServeOptions, type Server, serve } from "../../server/index.ts";
import { interruptible } from "../interrupt.ts";
import type { Io } from "../io.ts";
import { open } from "../options.ts";
import { shippedModel } from "./demo.ts";
import { faultLine, keepServing, pageLines, readyLine } from "./serve.ts";

/** What opens a page on each platform; elsewhere as on Linux. */
const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [command: string, ...args: string[]]>>> = {
  darwin: ["open"],
  win32: ["cmd", "/c", "start", ""],
};

export async function playgroundCommand(io: Io, { json }: { readonly json?: boolean }): Promise<void> {
  await interruptible(io, async (signal) => {
    const samples = await open(io, "cifar10", "test", signal);
    const server = await serveSomewhere({ models: [await shippedModel()], samples, onError: faultLine(io) });
    const lines = pageLines(server.url);
    io.out(json ? readyLine(server) : [...lines, "Ctrl-C ends it"].join("\n"));
    // a script that starts this wants no window
    if (io.isTerminal) showInBrowser(server.url.replace(/^ws/, "http"));
    await keepServing(io, server, signal);
  });
}

/** At the usual port, or at any other when that is taken. */
async function serveSomewhere(options: ServeOptions): Promise<Server> {
  try {
    return await serve(options);
  } catch (error) {
    if (!isSpinnError(error, "Connection")) throw error;
    return await serve({ ...options, port: 0 });
  }
}

/** Where there is nothing to open it with, the address on the screen has to do. */
function showInBrowser(url: string): void {
  const [command, ...args] = openers[process.platform] ?? ["xdg-open"];
  spawn(command, [...args, url], { stdio: "ignore", detached: true })
    .on("error", () => undefined)
    .unref();
}
