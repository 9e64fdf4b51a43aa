// What is known of a network as JSON, for a page that gets it from a server before any of its weights.

import { SpinnError } from "../errors.ts";
import { bytesOfHex, hexOf } from "../hex.ts";
import { parseCalibration, storeCalibration } from "../progressive/calibration.ts";
import { parseProfile, storeProfile } from "../progressive/network-profile.ts";
import type { CutPoint, ExitPoint, NetworkInfo } from "./network-info.ts";

export function networkToJson({ modelHash, calibration, profile, ...rest }: NetworkInfo): string {
  return JSON.stringify({
    ...rest,
    modelHash: hexOf(modelHash),
    ...(calibration && { calibration: storeCalibration(calibration) }),
    ...(profile && { profile: storeProfile(profile) }),
  });
}

/**
 * Believes the server about the network, whose slices come from there too, but not that it is a server of networks.
 *
 * @throws {SpinnError} InvalidData when it is something else, InvalidModel for a damaged record of calibration or profile
 */
export function networkFromJson(text: string): NetworkInfo {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid(cause);
  }
  if (!isNetwork(json)) throw invalid();
  const { modelHash, calibration, profile, ...rest } = json;
  const exits = rest.exits.length;
  return {
    ...rest,
    modelHash: bytesOfHex(modelHash),
    ...(calibration !== undefined && { calibration: parseCalibration(calibration, exits) }),
    ...(profile !== undefined && { profile: parseProfile(profile, exits) }),
  };
}

type NetworkJson = Omit<NetworkInfo, "modelHash" | "calibration" | "profile"> & {
  readonly modelHash: string;
  readonly calibration?: unknown;
  readonly profile?: unknown;
};

function isNetwork(json: unknown): json is NetworkJson {
  if (typeof json !== "object" || json === null) return false;
  const { modelHash, input, cuts, exits, classes } = json as Record<keyof NetworkJson, unknown>;
  return (
    typeof modelHash === "string" &&
    /^([0-9a-f]{2})+$/.test(modelHash) &&
    typeof classes === "number" &&
    typeof input === "object" &&
    isList<CutPoint>(cuts, ({ id, tensors }) => typeof id === "string" && Array.isArray(tensors)) &&
    isList<ExitPoint>(exits, ({ at, output }) => typeof at === "string" && typeof output === "string")
  );
}

function isList<T>(value: unknown, holds: (one: T) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "object" && one && holds(one));
}

function invalid(cause?: unknown): SpinnError {
  return new SpinnError("InvalidData", "The server does not describe a network there", {
    hint: "Check the URL",
    cause,
  });
}
