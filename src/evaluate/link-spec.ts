// What a link between device and server is like, as plain data: what plans are made for and what the emulator imitates.

export interface LinkSpec {
  /** From the device to the server. */
  readonly upBitsPerSecond: number;
  /** From the server to the device. */
  readonly downBitsPerSecond: number;
  /** Round trip of a message without length, half of it each way. */
  readonly rttMs: number;
  /** Each way, data is late by up to this much more, evenly distributed; its order is kept. @default 0 */
  readonly jitterMs?: number;
  /** How often on average all connections break, at random times. @default 0 */
  readonly cutsPerSecond?: number;
}

/** @throws {RangeError} unless rates are positive and times are 0 or more, and all are finite */
export function checkLink(link: LinkSpec): void {
  const { upBitsPerSecond, downBitsPerSecond, rttMs, jitterMs = 0, cutsPerSecond = 0 } = link;
  for (const [name, value] of Object.entries({ upBitsPerSecond, downBitsPerSecond }))
    if (!(value > 0 && value < Infinity)) throw new RangeError(`${name} of a link must be positive, not ${value}`);
  for (const [name, value] of Object.entries({ rttMs, jitterMs, cutsPerSecond }))
    if (!(value >= 0 && value < Infinity)) throw new RangeError(`${name} of a link must be 0 or more, not ${value}`);
}
