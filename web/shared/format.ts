// Numbers as people read them, short.

/** @example milliseconds(0.42) === "0.42 ms" */
export function milliseconds(ms: number): string {
  return ms >= 10_000 ? `${significant(ms / 1000)} s` : `${significant(ms)} ms`;
}

/** Of 1000, as link speeds are counted. @example byteCount(3120) === "3.12 kB" */
export function byteCount(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  return bytes < 1e6 ? `${significant(bytes / 1e3)} kB` : `${significant(bytes / 1e6)} MB`;
}

/** @example bitRate(24e6) === "24 Mbit/s" */
export function bitRate(bitsPerSecond: number): string {
  if (bitsPerSecond < 1e6) return `${significant(bitsPerSecond / 1e3)} kbit/s`;
  return bitsPerSecond < 1e9
    ? `${significant(bitsPerSecond / 1e6)} Mbit/s`
    : `${significant(bitsPerSecond / 1e9)} Gbit/s`;
}

/** @param share from 0 to 1 @example percent(0.1234) === "12.3 %" */
export function percent(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** Three digits, no more behind the point than they need. */
export function significant(value: number): string {
  if (value === 0) return "0";
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  return String(Number(value.toFixed(Math.min(3, Math.max(0, 2 - magnitude)))));
}
