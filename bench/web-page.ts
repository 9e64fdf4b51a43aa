// What bench/pages/web.ts can be asked to measure. Arguments and answers cross as plain data.

export interface WebBench {
  /** Opens the runtime that `price` uses. @returns its threads */
  open(threads: number): Promise<number>;
  /** One plain session of a model's trunk beside its slices, heads excluded, in turn. */
  price(options: PriceOptions): Promise<Price>;
  /** Encodes the tensors for about so long. @returns the speed in MB of 8-bit input a second */
  encode(ms: number): Promise<number>;
  /** Infers in a web worker for so long while it watches its own main thread. */
  infer(model: string, ms: number): Promise<{ inferences: number; longTasks: number }>;
  /** Connects with a network in slices below the page and infers one image. @returns the milliseconds from the call to the answer */
  firstAnswer(network: string, server: string): Promise<number>;
}

export interface PriceOptions {
  /** Files beside the page. */
  readonly model: string;
  readonly trunk: string;
  readonly rounds: number;
  /** A round of each side takes about this long. */
  readonly roundMs: number;
  readonly arena: boolean;
}

export interface Price {
  readonly slices: number;
  /** Milliseconds an inference, round by round. */
  readonly wholeMs: readonly number[];
  readonly slicedMs: readonly number[];
  /** Largest difference between the two results. */
  readonly difference: number;
}

/** A tensor as a graph that ends in DynamicQuantizeLinear hands it over. */
export interface QuantizedFile {
  readonly name: string;
  readonly shape: readonly number[];
  readonly scale: number;
  readonly zeroPoint: number;
  /** File beside the page with one byte a value. */
  readonly values: string;
}
