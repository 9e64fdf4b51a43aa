// Public names of `spinn/wire`: what device and server say to each other, as data and as bytes.

export { FrameReader } from "./frame-reader.ts";
export {
  type Cancel,
  type ExitAnswer,
  type Hello,
  type Message,
  type MessageKind,
  type Payload,
  type PeerLimits,
  type Ping,
  type Pong,
  type Refuse,
  type RefuseCode,
  type Result,
  type Run,
  type RunPlan,
  refusals,
  type Stats,
  type TraceContext,
} from "./message.ts";
export {
  decodeMessage,
  defaultWireLimits,
  encodeFrame,
  encodeMessage,
  MAX_HELLO_BYTES,
  PROTOCOL_VERSION,
  type WireLimits,
} from "./message-codec.ts";
