import { expect, test } from "vitest";
import { placeOfJsonError } from "./json-place.ts";

test.each([
  ['{ "models": ["m.onnx",] }', "line 1, column 23"],
  ['{\n"a": }', "line 2, column 6"],
  ['{\n  "a": 1\n  "b": 2\n}', "line 3, column 3"],
  ['{ "a": "never ends', "line 1, column 19"],
  ['{ "a": [1, 2', "line 1, column 13"],
  ["{ 'a': 1 }", "line 1, column 3"],
  ["port: 80", "line 1, column 1"],
  ["", "line 1, column 1"],
  ["{}\n}", "line 2, column 1"],
  [`{${'"filler": 1,\n'.repeat(5000)}"a": nul }`, "line 5001, column 9"],
])("%j", (text, place) => {
  expect(placeOfJsonError(text)).toBe(place);
});

test("nothing is wrong with JSON", () => {
  expect(placeOfJsonError('{ "a": [1, "x"] }')).toBeUndefined();
});
