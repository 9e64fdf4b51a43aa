// Public names of the runtime.

export { createSession } from "./ort-node.ts";
export type { CreateSession, Session, SessionOptions, Tensors } from "./runtime.ts";
