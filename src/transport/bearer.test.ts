import { expect, test } from "vitest";
import { bearerOf, subprotocolsOf, tokenText } from "./bearer.ts";

test("a token comes out as it went in, by header or subprotocol", () => {
  expect(bearerOf("Bearer abc.DEF-1~2+_", undefined)).toBe("abc.DEF-1~2+_");
  expect(bearerOf("bearer   abc ", undefined)).toBe("abc");
  expect(bearerOf(undefined, subprotocolsOf("abc.DEF").join(", "))).toBe("abc.DEF");
});

test.each([
  [undefined, undefined],
  ["Basic YTpi", undefined],
  ["Bearer", "spinn.1"],
  ["Bearer a b", ""],
])("no token in %j, %j", (authorization, subprotocols) => {
  expect(bearerOf(authorization, subprotocols)).toBeUndefined();
});

test("a function is asked each time; what it throws and what is no token are not repeated", async () => {
  let count = 0;
  const renewed = (): string => `token${++count}`;
  expect([await tokenText(renewed), await tokenText(renewed)]).toEqual(["token1", "token2"]);
  await expect(tokenText("two words: secret")).rejects.toThrow(/^A token must consist of letters/);
  await expect(tokenText("")).rejects.toThrow(RangeError);
  const failed = tokenText(() => Promise.reject(new Error("refresh?secret=1")));
  await expect(failed).rejects.toThrow("No token could be had. Look at what `token` throws");
});
