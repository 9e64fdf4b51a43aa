// Public names of `spinn/codec`: tensors to packets and back, the same bytes in Node and in a page.

export type { EntropyCoder, Symbols } from "./entropy-coder.ts";
export { type EntropyCoderName, entropyCoders } from "./entropy-coders.ts";
export {
  type CodecName,
  type Coding,
  decodeQuantized,
  decodeTensor,
  encodeTensor,
  type FloatValues,
  type PackedTensor,
  type QuantizedValues,
} from "./packed-tensor.ts";
export {
  decodePacket,
  defaultPacketLimits,
  encodePacket,
  MODEL_HASH_BYTES,
  PACKET_VERSION,
  type Packet,
  type PacketLimits,
} from "./packet.ts";
export { chooseQuantization, dequantize, type Quantization, quantize } from "./quantize.ts";
export {
  type CodecChoice,
  type CodecCost,
  chooseCodec,
  type LinkState,
  shouldCompress,
} from "./should-compress.ts";
