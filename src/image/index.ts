// Public names of `spinn/image`: from pixels to a network's input, in Node and in a page.

export type { Pixels } from "./pixels.ts";
export { preprocess } from "./preprocess.ts";
export { type Preprocessing, parsePreprocessing, preprocessings } from "./preprocessing.ts";
export { type Box, resize } from "./resize.ts";
