import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../onnx/index.ts";
import { createRng, normal } from "../random.ts";
import { createSession } from "../runtime/index.ts";
import { float32 } from "../tensor.ts";
import { chooseQuantization, dequantize, quantize } from "./quantize.ts";

interface Quantized {
  readonly bytes: Uint8Array;
  readonly scale: number;
  readonly zeroPoint: number;
  readonly restored: Float32Array;
}

async function onnxRuntime(length: number): Promise<(values: Float32Array) => Promise<Quantized>> {
  const b = new GraphBuilder(17);
  b.input("x", [length]);
  const [bytes = "", scale = "", zeroPoint = ""] = b.ops("DynamicQuantizeLinear", ["x"], 3);
  const restored = b.op("DequantizeLinear", [bytes, scale, zeroPoint]);
  for (const name of [bytes, scale, zeroPoint, restored]) b.output(name);
  const session = await createSession(b.build("quantize"));
  return async (values) => {
    const out = await session.run({ x: float32(values, [values.length]) });
    return {
      bytes: out[bytes]!.data as Uint8Array,
      scale: Number(out[scale]!.data[0]),
      zeroPoint: Number(out[zeroPoint]!.data[0]),
      restored: out[restored]!.data as Float32Array,
    };
  };
}

function ours(values: Float32Array): Quantized {
  const quantization = chooseQuantization(values);
  const bytes = quantize(values, quantization);
  const { scale, zeroPoint } = quantization;
  return { bytes, scale, zeroPoint, restored: dequantize(bytes, quantization) };
}

test("8 bits are bit for bit what ONNX Runtime makes of any values", async () => {
  const theirs = await onnxRuntime(40);
  const value = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true, min: Math.fround(-1e30), max: Math.fround(1e30) }),
    fc.float({ noNaN: true, min: -8, max: 8 }),
    fc.integer({ min: -300, max: 300 }).map((n) => n / 2), // ties
    fc.constant(0),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(value, { minLength: 1, maxLength: 40 }), async (list) => {
      // ONNX Runtime has no step for a range below float32's smallest normal numbers over 255.
      fc.pre(list.every((v) => v === 0 || Math.abs(v) > 1e-30));
      const values = new Float32Array(40);
      values.set(list);
      expect(ours(values)).toEqual(await theirs(values));
    }),
    { numRuns: 1500 },
  );
  const theirsOfMany = await onnxRuntime(20_000);
  for (const scale of [1, 0.01, 37]) {
    for (const shape of [(v: number) => v, (v: number) => Math.max(0, v), (v: number) => v * v * v]) {
      const rng = createRng(scale);
      const values = Float32Array.from({ length: 20_000 }, () => shape(normal(rng)) * scale);
      expect(ours(values)).toEqual(await theirsOfMany(values));
    }
  }
});

test.each([2, 3, 4, 5, 6, 7, 8])("%i bits: no value moves by more than half a step, and 0 stays 0", (bits) => {
  // Where float32 runs out of digits, so does the step.
  const value = fc.float({ noNaN: true, min: -50, max: 100 }).map((v) => (Math.abs(v) < 1e-30 ? 0 : v));
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (list) => {
      const values = Float32Array.from(list);
      const quantization = chooseQuantization(values, bits);
      const bytes = quantize(values, quantization);
      expect(Math.max(...bytes)).toBeLessThan(2 ** bits);
      const restored = dequantize(bytes, quantization);
      // At the ends of the range, where the zero point was rounded, a whole step.
      values.forEach((value, i) => {
        expect(Math.abs(restored[i]! - value)).toBeLessThanOrEqual(quantization.scale * 1.001);
        if (value === 0) expect(restored[i]).toBe(0);
      });
    }),
  );
});

test("constant tensors", () => {
  expect(ours(new Float32Array(3))).toEqual({
    bytes: new Uint8Array(3),
    scale: 1,
    zeroPoint: 0,
    restored: new Float32Array(3),
  });
  const tiny = Float32Array.of(1e-45, 0);
  expect(dequantize(quantize(tiny, chooseQuantization(tiny)), chooseQuantization(tiny))).toEqual(new Float32Array(2));
});

test("values that are not finite, and widths that do not exist, are refused", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    expect(() => chooseQuantization(Float32Array.of(1, bad, 2))).toThrow(RangeError);
  }
  expect(() => chooseQuantization(Float32Array.of(-3e38, 3e38))).toThrow("not finite, or too far apart");
  for (const bits of [1, 9, 4.5, Number.NaN])
    expect(() => chooseQuantization(Float32Array.of(1), bits)).toThrow("2 to 8");
});
