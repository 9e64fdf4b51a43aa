// Public names of the runtime.

export { optimizeModel, optimizerFingerprint } from "./optimize-model.ts";
export { createSession } from "./ort-node.ts";
export type { CreateSession, Session, SessionOptions, Tensors } from "./runtime.ts";
