// One cut of a network under the profiler: what is alive there is quantised image by image as a device would, packed with every
// codec to see its size, and what is left of it runs through the rest of the network.

import { encodeTensor, type PackedTensor } from "../codec/packed-tensor.ts";
import { encodePacket } from "../codec/packet.ts";
import { chooseQuantization, dequantize, quantize } from "../codec/quantize.ts";
import type { CutPoint, NetworkInfo } from "../engine/network-info.ts";
import { SpinnError } from "../errors.ts";
import { label } from "../onnx/label.ts";
import { lastExits, type ProfiledCut, type ProfiledWidth } from "../progressive/network-profile.ts";
import type { ExitRecord } from "../progressive/policy-outcome.ts";
import type { Session, Tensors } from "../runtime/index.ts";
import { float32, sizeOf } from "../tensor.ts";
import { encodeMessage } from "../wire/message-codec.ts";
import type { ProfileCoding } from "./codings.ts";
import { ExitRecorder } from "./exit-recorder.ts";

type Open = (from: readonly string[], to: readonly string[]) => Promise<Session>;

interface Width {
  readonly bits: number;
  readonly codecs: readonly ProfileCoding["codec"][];
  /** Of each codec, what each image takes. */
  readonly bytes: readonly Float64Array[];
  /** What the exits behind the cut make of it; of 32 bits the unsplit network's exits say it. */
  readonly exits?: ExitRecorder;
}

export class CutRecorder {
  readonly cut: CutPoint;
  readonly #network: NetworkInfo;
  readonly #behind: NetworkInfo["exits"];
  readonly #widths: readonly Width[];
  #rest: Session | undefined;
  #done = 0;

  constructor(network: NetworkInfo, cut: CutPoint, codings: readonly ProfileCoding[], images: number) {
    this.cut = cut;
    this.#network = network;
    this.#behind = network.exits.slice(cut.exitsBefore);
    const widths = [...new Set(codings.map(({ bits }) => bits))];
    this.#widths = widths.map((bits) => {
      const codecs = codings.filter((coding) => coding.bits === bits).map(({ codec }) => codec);
      const bytes = codecs.map(() => new Float64Array(images));
      return { bits, codecs, bytes, ...(bits < 32 && { exits: new ExitRecorder(this.#behind, images) }) };
    });
  }

  /** Makes the rest of the network. */
  async open(open: Open): Promise<void> {
    this.#rest = await open(
      this.cut.tensors.map(({ name }) => name),
      this.#behind.map(({ output }) => output),
    );
  }

  /** Images that another run has recorded at the same cut with the same codecs. */
  add({ widths }: ProfiledCut): void {
    let taken = 0;
    for (const [w, { bytes, exits }] of this.#widths.entries()) {
      exits?.add(widths[w]!.record);
      bytes.forEach((of, c) => {
        const more = widths[w]!.codecs[c]!.bytes.subarray(0, of.length - this.#done);
        of.set(more, this.#done);
        taken = more.length;
      });
    }
    this.#done += taken;
  }

  /** @param whole the unsplit network on the same images */
  profile(whole: ExitRecord): ProfiledCut {
    const behind = this.#behind.length;
    const { images } = whole;
    const widths = this.#widths.map(({ bits, codecs, bytes, exits }): ProfiledWidth => {
      const record = exits?.record ?? lastExits(whole, this.#network.exits.length, behind);
      return { bits, record, codecs: codecs.map((codec, c) => ({ codec, bytes: bytes[c]!.slice(0, images) })) };
    });
    return { id: this.cut.id, behind, widths };
  }

  /**
   * @param known every tensor of the cut, of a batch
   * @param labels the right classes, [batch]
   */
  async batch(known: Tensors, labels: Int32Array): Promise<void> {
    for (const width of this.#widths) {
      const sent = this.#send(known, labels.length, width);
      if (!width.exits) continue;
      const results = await this.#rest!.run(sent);
      width.exits.batch(
        this.#behind.map(({ output }) => results[output]!.data as Float32Array),
        labels,
      );
    }
    this.#done += labels.length;
  }

  /** Notes what each image takes. @returns what arrives; nothing where it is what was sent */
  #send(known: Tensors, batch: number, { bits, codecs, bytes, exits }: Width): Tensors {
    const { tensors } = this.cut;
    const arrived = tensors.map(({ shape }) => new Float32Array(exits ? batch * sizeOf(shape) : 0));
    for (let i = 0; i < batch; i++) {
      const packed: PackedTensor[][] = codecs.map(() => []);
      for (const [t, { name, shape }] of tensors.entries()) {
        const size = sizeOf(shape);
        const values = floatsOf(known, name).subarray(i * size, (i + 1) * size);
        if (!exits) {
          packed.forEach((list) => {
            list.push(encodeTensor({ name, shape, values }, { codec: "float32" }));
          });
          continue;
        }
        const quantization = chooseQuantization(values, bits);
        const symbols = quantize(values, quantization);
        dequantize(symbols, quantization, arrived[t]!.subarray(i * size, (i + 1) * size));
        codecs.forEach((codec, c) => {
          packed[c]!.push(encodeTensor({ name, shape, values: symbols, ...quantization }, { codec }));
        });
      }
      packed.forEach((list, c) => {
        bytes[c]![this.#done + i] = this.#messageBytes(list, codecs[c]!, bits);
      });
    }
    if (!exits) return {};
    return Object.fromEntries(
      tensors.map(({ name, shape }, t) => [name, float32(arrived[t]!, [batch, ...shape.slice(1)])]),
    );
  }

  /** Of a run with these tensors, as the device engine would send it. */
  #messageBytes(tensors: readonly PackedTensor[], codec: ProfileCoding["codec"], bits: number): number {
    const { modelHash, exits } = this.#network;
    const { id: cut, exitsBefore } = this.cut;
    const bytes = encodePacket({ modelHash, cut, tensors });
    const thresholds = exits.map(() => 0.5);
    return encodeMessage({
      kind: "run",
      id: 1,
      plan: { cut, codec, bits, thresholds },
      payload: { kind: "packet", bytes },
      wantsLogits: false,
      ...(exitsBefore > 0 && { best: { exit: 0, label: 0, confidence: 0.5 } }),
    }).length;
  }
}

function floatsOf(known: Tensors, name: string): Float32Array {
  const data = known[name]!.data;
  if (data instanceof Float32Array) return data;
  throw new SpinnError("UnsupportedModel", `The tensor ${label(name)} is not float32, and cannot be sent`);
}
