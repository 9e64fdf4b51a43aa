// The networks that a server serves, changed while it serves: a new one is opened and made ready before it takes the place of an
// old one, and the old one is closed when nobody needs it any more.

import type { CloudEngine, Compute } from "../engine/index.ts";
import { messageOf } from "../errors.ts";
import { fileStamp } from "./file-stamp.ts";
import type { NamedModelFile } from "./model-file.ts";
import { hashOfNetwork, type ServedNetwork } from "./served-network.ts";

export interface ModelRegistryOptions {
  /** Opens a network and makes it ready. */
  readonly open: (file: NamedModelFile) => Promise<Compute>;
  /** Hears of what is served, once it serves. */
  readonly engine: () => Pick<CloudEngine, "add" | "retire"> | undefined;
  /** How long runs of a network that is served no longer may take. */
  readonly graceMs: number;
}

/** What an update did. Plain JSON. */
export interface ModelChanges {
  /** `name (hash)` of those that are served from now on. */
  readonly added: readonly string[];
  readonly retired: readonly string[];
  /** Files that could not be opened, and why; what they replaced is served on. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

interface Entry extends ServedNetwork {
  readonly file: NamedModelFile;
  /** Of the file when it was opened. */
  readonly stamp: string;
}

const LOOK_AGAIN_MS = 20;

export class ModelRegistry {
  readonly #options: ModelRegistryOptions;
  #entries: readonly Entry[] = [];
  /** Updates go one after the other. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #parting = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: ModelRegistryOptions) {
    this.#options = options;
  }

  /** Those that are served now. */
  get networks(): readonly ServedNetwork[] {
    return this.#entries;
  }

  /**
   * Opens all files for the first time.
   *
   * @throws whatever is wrong with the first that cannot be opened, or is the same network as another
   */
  async open(files: readonly NamedModelFile[]): Promise<void> {
    const entries: Entry[] = [];
    try {
      for (const file of files) {
        const entry = await this.#opened(file);
        entries.push(entry);
        const same = entries.find(({ hash }, i) => hash === entry.hash && i < entries.length - 1);
        if (same) throw new RangeError(`${same.path} and ${file.path} are the same network`);
      }
    } catch (error) {
      await Promise.all(entries.map(({ compute }) => compute.close()));
      throw error;
    }
    this.#entries = entries;
  }

  /** Serves these files and no others. Never rejects: what cannot be opened is told, and what it was to replace stays. */
  update(files: readonly NamedModelFile[]): Promise<ModelChanges> {
    const change = this.#last.then(() => this.#update(files));
    this.#last = change;
    return change;
  }

  /** After the engine's end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    await Promise.all([...this.#entries.map(({ compute }) => compute.close()), ...this.#parting]);
  }

  async #update(files: readonly NamedModelFile[]): Promise<ModelChanges> {
    const failed: { path: string; reason: string }[] = [];
    const next: Entry[] = [];
    for (const file of files) {
      const before =
        this.#entries.find((entry) => isSame(entry.file, file)) ?? this.#entries.find(({ path }) => path === file.path);
      try {
        next.push(await this.#following(file, before, next));
      } catch (error) {
        failed.push({ path: file.path, reason: messageOf(error) });
        if (before && !next.includes(before)) next.push(before);
      }
      if (this.#isClosed) break;
    }
    const kept = new Set(next.map(({ compute }) => compute));
    const added = next.filter(({ compute }) => !this.#entries.some((entry) => entry.compute === compute));
    const gone = this.#entries.filter(({ compute }) => !kept.has(compute));
    if (this.#isClosed) {
      await Promise.all(added.map(({ compute }) => compute.close()));
      return { added: [], retired: [], failed };
    }
    // whoever asks over HTTP gets the new ones from now on
    this.#entries = next;
    const engine = this.#options.engine();
    const parting = gone.map((entry) => this.#part(entry));
    // the same network opened another way takes the place of the old one: an engine has one of each
    for (const entry of added) engine?.add(entry.compute);
    for (const one of parting) {
      this.#parting.add(one);
      one.finally(() => this.#parting.delete(one));
    }
    const names = (entries: readonly Entry[]): string[] =>
      entries.map(({ name, hash }) => `${name} (${hash.slice(0, 8)})`);
    return { added: names(added), retired: names(gone), failed };
  }

  /** What is served for a file from now on: what is there already, when neither file nor settings have changed. */
  async #following(file: NamedModelFile, before: Entry | undefined, next: readonly Entry[]): Promise<Entry> {
    const renamed = before && { ...before, file, name: file.name, version: file.version };
    const isAsOpened = before && opening(before.file) === opening(file);
    if (isAsOpened && before.stamp === (await fileStamp(file.path))) return renamed!;
    const opened = await this.#opened(file);
    const { hash } = opened;
    const others = [...next, ...this.#entries.filter((entry) => entry !== before)];
    const same = others.find((entry) => entry.hash === hash);
    if (same || (before?.hash === hash && isAsOpened)) await opened.compute.close();
    if (same) throw new RangeError(`${same.path} and ${file.path} are the same network`);
    return before?.hash === hash && isAsOpened ? { ...renamed!, stamp: opened.stamp } : opened;
  }

  async #opened(file: NamedModelFile): Promise<Entry> {
    const { name, version, path } = file;
    const stamp = await fileStamp(path); // before it is read: what changes meanwhile is read again
    const compute = await this.#options.open(file);
    return { file, stamp, name, version, path, compute, hash: hashOfNetwork(compute) };
  }

  /** Closes a network that is served no longer, when everybody has what they wait for. */
  async #part({ compute, hash }: Entry): Promise<void> {
    const { engine, graceMs } = this.#options;
    const untilMs = performance.now() + graceMs;
    await engine()?.retire(hash, graceMs);
    while (compute.pending > 0 && performance.now() < untilMs)
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    await compute.close();
  }
}

function isSame(a: NamedModelFile, b: NamedModelFile): boolean {
  return a.name === b.name && a.version === b.version;
}

/** What decides how a file is opened. */
function opening({ path, workers, batching }: NamedModelFile): string {
  return JSON.stringify([path, workers, batching]);
}
