// Where JSON is wrong, without a word of what stands there: it may be a secret. V8 tells the place of some errors only, and quotes the
// text for the rest.

/** @returns undefined for text that is JSON. @example placeOfJsonError('{\n"a": }') === "line 2, column 6" */
export function placeOfJsonError(text: string): string | undefined {
  const message = errorIn(text);
  if (message === undefined) return undefined;
  const [, told] = /position (\d+)/.exec(message) ?? [];
  const position = told !== undefined ? Number(told) : /^Unexpected token/.test(message) ? firstBad(text) : text.length;
  const before = text.slice(0, position).split("\n");
  return `line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

function errorIn(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The last character of the shortest beginning that has a token too many: shorter ones only end too early. */
function firstBad(text: string): number {
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (/^Unexpected token/.test(errorIn(text.slice(0, middle)) ?? "")) bad = middle;
    else good = middle;
  }
  return bad - 1;
}
