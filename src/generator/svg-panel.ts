// One panel of a chart as SVG text: frame, grid, axes and lines. Colours are those of the classes in `panelStyle`, so
// that the drawing follows the reader's light or dark scheme.

export interface Axis {
  readonly label: string;
  /** Data range, low to high. */
  readonly range: readonly [number, number];
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
}

export interface PanelOptions {
  readonly title: string;
  /** Left, top, width and height of the frame, in pixels; titles and labels stand around it. */
  readonly box: readonly [number, number, number, number];
  readonly x: Axis;
  readonly y: Axis;
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Stands at the lower right of the point. */
  readonly note?: string;
}

/** No custom properties: librsvg and several viewers do not know them. */
export const panelStyle = `
text { font: 12px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #33373d }
.title { font-size: 15px; font-weight: 600; fill: #14171a }
.note { font-size: 10.5px; fill: #636a73 }
.halo { paint-order: stroke; stroke: #ffffff; stroke-width: 4; stroke-linejoin: round }
.paper { fill: #ffffff }
.grid { stroke: #e4e7eb; stroke-width: 1 }
.axis { stroke: #8a919a; stroke-width: 1 }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
.dot { stroke: #ffffff; stroke-width: 1.2 }
.dashed { stroke: #8a919a; stroke-width: 1.4; stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) {
  text { fill: #c5cbd3 }
  .title { fill: #f0f3f6 }
  .note { fill: #9aa3ad }
  .halo { stroke: #15181c }
  .paper { fill: #15181c }
  .grid { stroke: #2a2f36 }
  .axis { stroke: #6c747e }
  .dot { stroke: #15181c }
}`;

export class Panel {
  readonly #parts: string[] = [];
  readonly #options: PanelOptions;

  constructor(options: PanelOptions) {
    this.#options = options;
    const { title, x, y } = options;
    const [left, top, width, height] = options.box;
    const [right, bottom] = [left + width, top + height];
    this.#text(left, top - 34, title, "title");
    for (const { at, text } of y.ticks) {
      this.#line(left, this.#y(at), right, this.#y(at), "grid");
      this.#text(left - 8, this.#y(at) + 4, text, "", "end");
    }
    for (const { at, text } of x.ticks) {
      this.#line(this.#x(at), bottom, this.#x(at), bottom + 4, "axis");
      this.#text(this.#x(at), bottom + 18, text, "", "middle");
    }
    this.#line(left, bottom, right, bottom, "axis");
    this.#text(left + width / 2, bottom + 38, x.label, "", "middle");
    this.#text(left, top - 12, y.label, "note");
  }

  /** Points joined in order. */
  series(points: readonly Point[], color: string): this {
    const at = points.map((p) => [this.#x(p.x), this.#y(p.y)] as const);
    const path = at.map(([x, y], i) => `${i === 0 ? "M" : "L"}${pixel(x)} ${pixel(y)}`).join("");
    this.#parts.push(`<path class="line" stroke="${color}" d="${path}"/>`);
    at.forEach(([x, y], i) => {
      this.#parts.push(`<circle class="dot" fill="${color}" cx="${pixel(x)}" cy="${pixel(y)}" r="3.8"/>`);
      const note = points[i]!.note;
      if (note !== undefined) this.#text(x + 6, y + 15, note, "note halo");
    });
    return this;
  }

  /** A dashed line across the panel, named at its left end. */
  level(y: number, name: string): this {
    const [left, top, width] = this.#options.box;
    const at = this.#y(y);
    this.#line(left, at, left + width, at, "dashed");
    // Above the line, unless that would leave the frame.
    this.#text(left + 6, at - 20 < top ? at + 16 : at - 6, name, "note");
    return this;
  }

  /** Colours and names in one row above the frame, to the right. */
  legend(entries: readonly { readonly name: string; readonly color: string }[]): this {
    const [left, top, width] = this.#options.box;
    const step = 50;
    entries.forEach(({ name, color }, i) => {
      const x = left + width - (entries.length - i) * step;
      this.#parts.push(`<circle fill="${color}" cx="${x + 12}" cy="${top - 16}" r="4.5"/>`);
      this.#text(x + 20, top - 12, name, "note");
    });
    return this;
  }

  toString(): string {
    return this.#parts.join("\n");
  }

  #x(value: number): number {
    const [left, , width] = this.#options.box;
    return left + width * part(value, this.#options.x.range);
  }

  #y(value: number): number {
    const [, top, , height] = this.#options.box;
    return top + height * (1 - part(value, this.#options.y.range));
  }

  #line(x1: number, y1: number, x2: number, y2: number, kind: string): void {
    const [a, b, c, d] = [x1, y1, x2, y2].map(pixel);
    this.#parts.push(`<line class="${kind}" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>`);
  }

  #text(x: number, y: number, text: string, kind = "", anchor = "start"): void {
    const place = `x="${pixel(x)}" y="${pixel(y)}"`;
    this.#parts.push(`<text class="${kind}" ${place} text-anchor="${anchor}">${escapeXml(text)}</text>`);
  }
}

function part(value: number, [low, high]: readonly [number, number]): number {
  return (value - low) / (high - low);
}

function pixel(value: number): string {
  return String(Math.round(value * 10) / 10);
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as XML: markup escaped, control characters, which no XML may hold, left out. */
export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be found
  return text.replace(/[\u0000-\u001f\ufffe\uffff]/g, " ").replace(/[&<>"]/g, (c) => entities[c]!);
}

/** Round values from `low` to `high` or just beyond, about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const rough = Math.max(high - low, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(Math.ceil(high / step - 1e-9), first + 1);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}
