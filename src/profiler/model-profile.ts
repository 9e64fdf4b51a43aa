// The device-independent profile as the scheduler wants it, from what the model file holds; or, where it holds none, the best
// guess that its calibration record allows.

import { codecIds } from "../codec/codec-ids.ts";
import type { CutPoint, NetworkInfo } from "../engine/network-info.ts";
import { lastExits } from "../progressive/network-profile.ts";
import type { ExitRecord } from "../progressive/policy-outcome.ts";
import type { CodecProfile, CutProfile, ModelProfile } from "../scheduler/profile.ts";
import { codingName, profileCodings } from "./codings.ts";

/** What the model file says; undefined when it says nothing. */
export function storedModelProfile(network: NetworkInfo): ModelProfile | undefined {
  const { profile } = network;
  if (!profile) return undefined;
  const codecsAt = new Map(
    profile.cuts.map(({ id, widths }) => {
      const codecs = widths.flatMap(({ bits, record, codecs: all }) =>
        all
          .filter(({ codec }) => Object.hasOwn(codecIds, codec))
          .map(({ codec, bytes }): CodecProfile => ({ codec: codingName({ codec, bits }), bytes, record })),
      );
      return [id, codecs] as const;
    }),
  );
  return { record: profile.record, cuts: places(network, codecsAt) };
}

/**
 * The same without a stored profile: the exits behind a cut are taken to be as good as in the unsplit network, and every image
 * to pack like the one that was measured.
 *
 * @param cuts where something may be sent
 * @param bytes a packet of the example at a cut with a codec (`lz4`); undefined where nobody knows, and then it cannot be chosen
 */
export function guessedModelProfile(
  network: NetworkInfo,
  cuts: readonly CutPoint[],
  bytes: (cut: CutPoint, codec: string) => number | undefined,
): ModelProfile {
  const record = knownRecord(network);
  const exits = network.exits.length;
  const codecsAt = new Map(
    cuts.map((cut) => {
      const behind = lastExits(record, exits, exits - cut.exitsBefore);
      const codecs = profileCodings.flatMap((coding): CodecProfile[] => {
        const codec = codingName(coding);
        // what fewer bits do to the exits nobody can guess
        const size = coding.bits < 8 ? undefined : bytes(cut, codec);
        if (size === undefined) return [];
        return [{ codec, bytes: new Float64Array(record.images).fill(size + AROUND_PACKET), record: behind }];
      });
      return [cut.id, codecs] as const;
    }),
  );
  return { record, cuts: places(network, codecsAt) };
}

/** A message around a packet, more or less. */
const AROUND_PACKET = 48;

/** Cuts with codecs, and where exits stand, in graph order. */
function places({ cuts, exits }: NetworkInfo, codecsAt: ReadonlyMap<string, readonly CodecProfile[]>): CutProfile[] {
  const stands = new Set(["input", "none", ...exits.map(({ at }) => at)]);
  return cuts
    .filter(({ id }) => stands.has(id) || codecsAt.has(id))
    .map(({ id, exitsBefore, sparse }) => ({ id, exitsBefore, sparse, codecs: codecsAt.get(id) ?? [] }));
}

/** Without a calibration record nobody knows: one image that is told right, by the final exit alone. */
function knownRecord({ calibration, exits }: NetworkInfo): ExitRecord {
  if (calibration) return calibration;
  const isFinal = (_: unknown, exit: number): number => (exit === exits.length - 1 ? 1 : 0);
  return {
    images: 1,
    confidences: Float32Array.from(exits, isFinal),
    correct: Uint8Array.from(exits, isFinal),
  };
}
