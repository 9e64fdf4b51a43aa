// The device-independent profile as the scheduler wants it, from what the model file holds; or, where it holds none, the best
// guess that its calibration record allows.

import { codecIds } from "../codec/codec-ids.ts";
import type { CutPoint, NetworkInfo } from "../engine/network-info.ts";
import { lastExits } from "../progressive/network-profile.ts";
import type { ExitRecord } from "../progressive/policy-outcome.ts";
import type { CodecProfile, CutProfile, ModelProfile } from "../scheduler/profile.ts";
import { chooseCuts } from "./choose-cuts.ts";
import { codingName, type ProfileCoding, profileCodings } from "./codings.ts";

/** Cuts of a network that has not been profiled: what is sent must be measured on the device first. */
const UNPROFILED_CUTS = 8;

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
 * The same without a stored profile: exits behind a cut are taken to be as good as in the unsplit network.
 *
 * @param bytes what travels at a cut with a codec, 0 where nobody knows: then it cannot be chosen
 */
export function guessedModelProfile(
  network: NetworkInfo,
  bytes: (cut: CutPoint, coding: ProfileCoding) => number,
): ModelProfile {
  const record = knownRecord(network);
  const exits = network.exits.length;
  const codecsAt = new Map(
    chooseCuts(network, UNPROFILED_CUTS + exits).map((cut) => {
      const behind = lastExits(record, exits, exits - cut.exitsBefore);
      const codecs = profileCodings.flatMap((coding): CodecProfile[] => {
        const size = coding.bits < 8 ? 0 : bytes(cut, coding);
        const all = new Float64Array(record.images).fill(size);
        return size > 0 ? [{ codec: codingName(coding), bytes: all, record: behind }] : [];
      });
      return [cut.id, codecs] as const;
    }),
  );
  return { record, cuts: places(network, codecsAt) };
}

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
