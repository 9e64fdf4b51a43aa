// What device, link and server can do right now, as the profiler sees it at run time, and what power the device takes.

export interface Conditions {
  /** Bits per second from device to server. */
  readonly uplinkBps: number;
  /** From server to device. */
  readonly downlinkBps: number;
  /** Round trip of an empty message. */
  readonly rttMs: number;
  /** Standard deviation of the round trip. @default 0 */
  readonly jitterMs?: number;
  /** What no profile holds, the same for every image: decoding, preprocessing, passing on. @default 0 */
  readonly prepareMs?: number;
  /** Time now over profiled time on the device. @default 1 */
  readonly deviceFactor?: number;
  /** Standard deviation of the factor over the factor, from one image to the next: a phone that gets warm. @default 0 */
  readonly deviceSpread?: number;
  /** By how much packing exceeds `deviceFactor`: it depends on the images, and short work on what else the device does. @default 1 */
  readonly packingFactor?: number;
  /** As on the device. @default 1 */
  readonly serverFactor?: number;
  /** @default 0 */
  readonly serverSpread?: number;
  /** Mean wait at the server before it computes; waits are taken to be spread as widely as they are long. @default 0 */
  readonly serverQueueMs?: number;
  /** Share of requests that the server does not answer: what `robustness` asks about. @default 0.1 */
  readonly serverFailureProbability?: number;
  /** @default powerModels.lte */
  readonly power?: PowerModel;
}

/** Watts that the device takes above its rest, by what it is doing. Watts times milliseconds are millijoules. */
export interface PowerModel {
  readonly computeW: number;
  /** While an answer is awaited: the radio stays awake. */
  readonly waitW: number;
  readonly uplinkW: number;
  /** What it takes more for each megabit per second. */
  readonly uplinkWPerMbps: number;
  readonly downlinkW: number;
  readonly downlinkWPerMbps: number;
}

/**
 * Radios: the linear models of Huang et al., "A Close Examination of Performance and Power Characteristics of 4G LTE Networks"
 * (MobiSys 2012), rounded; while waiting, the radio's tail. Computing: our assumption, one large phone core at full speed.
 */
export const powerModels: { readonly lte: PowerModel; readonly wifi: PowerModel } = {
  lte: { computeW: 2.5, waitW: 1.06, uplinkW: 1.29, uplinkWPerMbps: 0.44, downlinkW: 1.29, downlinkWPerMbps: 0.052 },
  wifi: { computeW: 2.5, waitW: 0.12, uplinkW: 0.13, uplinkWPerMbps: 0.28, downlinkW: 0.13, downlinkWPerMbps: 0.14 },
};

/**
 * With all defaults filled in. A link of 0 bits per second is one of 1: nothing gets across it in a lifetime.
 *
 * @throws {RangeError} for what is negative, not a number, or a probability above 1
 */
export function completeConditions(conditions: Conditions): Required<Conditions> {
  const complete = {
    ...conditions,
    uplinkBps: Math.max(1, conditions.uplinkBps),
    downlinkBps: Math.max(1, conditions.downlinkBps),
    jitterMs: conditions.jitterMs ?? 0,
    prepareMs: conditions.prepareMs ?? 0,
    deviceFactor: conditions.deviceFactor ?? 1,
    deviceSpread: conditions.deviceSpread ?? 0,
    packingFactor: conditions.packingFactor ?? 1,
    serverFactor: conditions.serverFactor ?? 1,
    serverSpread: conditions.serverSpread ?? 0,
    serverQueueMs: conditions.serverQueueMs ?? 0,
    serverFailureProbability: conditions.serverFailureProbability ?? 0.1,
    power: conditions.power ?? powerModels.lte,
  };
  const { power, ...numbers } = complete;
  for (const [name, value] of [...Object.entries(numbers), ...Object.entries(power)])
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new RangeError(`${name} cannot be ${value}`);
  if (conditions.uplinkBps < 0 || conditions.downlinkBps < 0) throw new RangeError("A bandwidth cannot be negative");
  if (complete.serverFailureProbability > 1) throw new RangeError("serverFailureProbability cannot be above 1");
  return complete;
}
