// What is told of a network that is served.

/** Plain JSON. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
  /** Names of the exits, the final one last. */
  readonly exits: readonly string[];
  /** Where runs usually start: `input` and after ReLU-like activations. Any other cut is served, too. */
  readonly cuts: readonly string[];
}
