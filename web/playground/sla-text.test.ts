import { describe, expect, test } from "vitest";
import { goalPresets } from "./goals.ts";
import { boundOf, readSla, type SlaProblem, type SlaText, withBound } from "./sla-text.ts";

function problemOf(text: SlaText): SlaProblem {
  const reading = readSla(text);
  if (!("problem" in reading)) throw new Error("It makes sense");
  return reading.problem;
}

test("statements are lines, and empty ones do not count", () => {
  expect(readSla({ require: "\n latency.p95 <= 60ms \n\naccuracy >= 88%", prefer: "min server-cost\n" })).toEqual({
    sla: {
      require: [
        { metric: "latency.p95", op: "<=", value: 60 },
        { metric: "accuracy", op: ">=", value: 0.88 },
      ],
      prefer: [{ aim: "min", metric: "server-cost" }],
    },
    words: { require: ["latency.p95 <= 60ms", "accuracy >= 88%"], prefer: ["min server-cost"] },
  });
});

test("every ready-made agreement makes sense", () => {
  for (const preset of goalPresets) expect(readSla(preset), preset.name).toHaveProperty("sla");
});

describe("what makes no sense is told where it stands", () => {
  test("a word", () => {
    const { list, what, excerpt } = problemOf({ require: "accuracy >= 88%\nlatency.p95 <= 60mz", prefer: "" });
    expect(list).toBe("require");
    expect(what).toBe('"mz" is no unit of latency.p95. Did you mean ms?');
    expect(excerpt).toBe("latency.p95 <= 60mz\n                 ^^");
  });

  test("a preference", () => {
    expect(problemOf({ require: "", prefer: "fastest" })).toMatchObject({
      list: "prefer",
      excerpt: "fastest\n^^^^^^^",
    });
  });

  test("what contradicts an earlier statement, or repeats it", () => {
    const apart = { require: "latency <= 10ms\nlatency >= 20ms", prefer: "min latency" };
    expect(problemOf(apart)).toMatchObject({ list: "require", what: "It contradicts an earlier constraint" });
    expect(problemOf({ require: "", prefer: "min bytes\nmax bytes" })).toMatchObject({ list: "prefer" });
  });
});

describe("a slider's statement", () => {
  const p95 = { metric: "latency.p95", op: "<=" } as const;

  test("is read from the text, in whatever unit", () => {
    expect(boundOf("accuracy >= 88%\nlatency.p95 ≤ 0.06s", "latency.p95", "<=")).toBeCloseTo(60);
    expect(boundOf("latency.p95 >= 60ms", "latency.p95", "<=")).toBeUndefined();
    expect(boundOf("latency.p95 <= sixty", "latency.p95", "<=")).toBeUndefined();
  });

  test("replaces the one that was there and leaves all others, the senseless too", () => {
    const text = "accuracy >= 88%\nlatency.p95 <= 60ms\nnonsense";
    expect(withBound(text, p95, "25ms")).toBe("accuracy >= 88%\nlatency.p95 <= 25ms\nnonsense");
    expect(withBound(text, p95, undefined)).toBe("accuracy >= 88%\nnonsense");
    expect(withBound("accuracy >= 88%", p95, "25ms")).toBe("accuracy >= 88%\nlatency.p95 <= 25ms");
    expect(withBound("", p95, undefined)).toBe("");
  });
});
