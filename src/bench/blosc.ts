// Blosc (LZ4 behind a bit-shuffle) as numcodecs compiles it to WebAssembly: the measure of the codec, where it is installed.

export interface Blosc {
  encode(values: Uint8Array): Promise<Uint8Array>;
  decode(bytes: Uint8Array): Promise<Uint8Array>;
}

/** @returns undefined where numcodecs, which the package itself does not need, is not installed */
export async function loadBlosc(): Promise<Blosc | undefined> {
  try {
    const { default: codec } = await import("numcodecs/blosc");
    return codec.fromConfig({ id: "blosc", cname: "lz4", clevel: 5, shuffle: 2 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}
