// `spinn bench`: what it offers, and that a benchmark prints one JSON document and nothing else.

import { expect, test } from "vitest";
import { benches } from "../src/bench/index.ts";
import { spinn } from "./spinn.ts";

test("its help asks every benchmark's question; other names are refused with those that there are", async () => {
  const help = await spinn("bench", "--help");
  expect(help.code).toBe(0);
  const text = help.out.replace(/\s+/g, " ");
  for (const [name, { question }] of Object.entries(benches)) expect(text).toContain(`${name}: ${question}`);
  const { code, err } = await spinn("bench", "speed");
  expect(code).toBe(1);
  expect(err.at(-1)).toMatch(/^spinn: .*'speed'.* Allowed choices are .*codec/);
});

test("every benchmark can be loaded", async () => {
  for (const bench of Object.values(benches)) expect(await bench.load()).toHaveProperty("run", expect.any(Function));
});
