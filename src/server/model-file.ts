// A network's file as the server is told of it, with what is left open filled in.

import { basename } from "node:path";

/** Plain JSON. */
export interface ModelFile {
  /** Of the network's file. */
  readonly path: string;
  /** @default the file's name */
  readonly name?: string;
  /** Several versions of a name may be served; who asks for none gets the first. @default "1" */
  readonly version?: string;
  /** Runs at the same time. @default the server's */
  readonly workers?: number;
  /** Do runs that meet inside the network go on together? @default the server's */
  readonly batching?: boolean;
}

export type NamedModelFile = ModelFile & Required<Pick<ModelFile, "name" | "version">>;

/** @throws {RangeError} when two have the same name and version */
export function namedModelFiles(files: readonly (string | ModelFile)[]): readonly NamedModelFile[] {
  const named = files.map((file): NamedModelFile => {
    const model = typeof file === "string" ? { path: file } : file;
    return { ...model, name: model.name ?? basename(model.path), version: model.version ?? "1" };
  });
  const seen = new Map<string, string>();
  for (const { name, version, path } of named) {
    const label = `${name}, version ${version}`;
    const other = seen.get(label);
    if (other !== undefined)
      throw new RangeError(`${other} and ${path} are both called ${label}. Give one of them another name or version`);
    seen.set(label, path);
  }
  return named;
}
