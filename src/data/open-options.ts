// What every reader of a data set is told.

export type Split = "train" | "test";

export interface OpenOptions {
  /** @default "test" */
  split?: Split;
  /** Where downloads are kept. @default `cacheRoot()` */
  cacheDir?: string;
  /** Told one line when something long begins or ends. @default silent */
  onProgress?: (line: string) => void;
  signal?: AbortSignal;
}
