// What the scripts tell people: on standard error, so that standard output stays free for results.

/** An error whose message is all that the user needs. */
export class ScriptError extends Error {}

let quiet = false;

/** Silences `say()`; errors are still shown. */
export function beQuiet() {
  quiet = true;
}

export function say(line) {
  if (!quiet) process.stderr.write(`${line}\n`);
}

/** Runs a script's body: a failure becomes one line and exit code 1. */
export async function main(body) {
  try {
    await body();
  } catch (error) {
    const text = error instanceof ScriptError ? error.message : (error?.stack ?? String(error));
    process.stderr.write(`${text}\n`);
    process.exitCode = 1;
  }
}
