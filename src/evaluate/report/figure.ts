// Figures of a report as plain data: what an experiment finds, and what `results.json` keeps of it.

export interface Figure {
  /** Unique in the report. */
  readonly id: string;
  readonly title: string;
  /** What it shows, as a sentence with its figures. */
  readonly says: string;
  readonly basis: "measured" | "simulated" | "measured and simulated";
  /** What the paper's own figure shows, where there is one. */
  readonly paper?: string;
  readonly panels: readonly Panel[];
}

export type Panel = LinePanel | BarPanel;

export interface LinePanel {
  readonly kind: "lines";
  readonly title: string;
  readonly x: AxisSpec;
  readonly y: AxisSpec;
  readonly series: readonly Series[];
  /** Dashed lines across the panel. */
  readonly levels?: readonly { readonly name: string; readonly y: number }[];
}

export interface AxisSpec {
  readonly label: string;
  /** @default "linear" */
  readonly scale?: "linear" | "log";
  /** Where it begins and ends at the least. @default what the points need */
  readonly from?: number;
  readonly to?: number;
}

export interface Series {
  readonly name: string;
  /** `dots` are not joined; `steps` hold until the next. @default "line" */
  readonly look?: "line" | "dots" | "steps";
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

/** Values upon each other, for each category. */
export interface BarPanel {
  readonly kind: "bars";
  readonly title: string;
  readonly y: AxisSpec;
  readonly categories: readonly string[];
  /** Each with a value for each category. */
  readonly stacks: readonly { readonly name: string; readonly values: readonly number[] }[];
}
