// A slider over orders of magnitude: positions to values and back.

export interface LogScale {
  /** Positions go from 0 to this. */
  readonly steps: number;
  valueAt(position: number): number;
  /** The nearest one. */
  positionOf(value: number): number;
}

/** @param from positive */
export function logScale(from: number, to: number, steps: number): LogScale {
  const factor = (to / from) ** (1 / steps);
  return {
    steps,
    valueAt: (position) => from * factor ** position,
    positionOf: (value) => {
      const position = Math.round(Math.log(value / from) / Math.log(factor));
      return Math.min(steps, Math.max(0, position || 0));
    },
  };
}
