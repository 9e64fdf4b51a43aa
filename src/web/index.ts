// Public names of `spinn/web`: the device in a page.

export { describeNetwork, type NetworkInfo } from "../engine/network-info.ts";
export { openSlicedNetwork, type SlicedNetworkOptions } from "../engine/open-sliced-network.ts";
export { decodeModel } from "../onnx/codec.ts";
export { type OrtWeb, type OrtWebOptions, openOrtWeb, type WebProvider } from "../runtime/ort-web.ts";
