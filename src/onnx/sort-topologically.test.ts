// Node order: kept where it is right, repaired where it is not, refused where there is none.

import fc from "fast-check";
import { expect, test } from "vitest";
import { type GraphProto, makeModel, makeNode, makeValueInfo, type NodeProto } from "./proto.ts";
import { sortTopologically } from "./sort-topologically.ts";

function graphOfNodes(node: NodeProto[]): GraphProto {
  const value = (name: string) => makeValueInfo(name, 1, [1]);
  return makeModel({ name: "g", node, initializer: [], input: [value("x")], output: [value("y")] }, 17).graph!;
}

const add = (a: string, b: string, out: string): NodeProto => makeNode("Add", [a, b], [out]);

test("a sorted graph comes back itself", () => {
  const graph = graphOfNodes([add("x", "x", "a"), add("a", "x", "b"), add("a", "b", "y")]);
  expect(sortTopologically(graph)).toBe(graph);
});

test("any order of a random graph becomes one in which tensors are made before they are read", () => {
  const links = fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 2, maxLength: 20 });
  fc.assert(
    fc.property(links, fc.infiniteStream(fc.nat()), (pairs, keys) => {
      const tensor = (i: number): string => (i === 0 ? "x" : `t${i}`);
      const nodes = pairs.map(([a, b], i) => add(tensor(a % (i + 1)), tensor(b % (i + 1)), tensor(i + 1)));
      const keyed = nodes.map((node) => ({ node, key: keys.next().value }));
      const shuffled = keyed.sort((a, b) => a.key - b.key).map(({ node }) => node);
      const sorted = sortTopologically(graphOfNodes(shuffled)).node;
      expect(new Set(sorted)).toEqual(new Set(nodes));
      const known = new Set(["x"]);
      for (const node of sorted) {
        for (const name of node.input) expect(known).toContain(name);
        known.add(node.output[0]!);
      }
    }),
    { numRuns: 200 },
  );
});

test("a cycle is spelled out in the direction of the data", () => {
  const graph = graphOfNodes([add("x", "x", "a"), add("a", "d", "b"), add("b", "b", "c"), add("c", "x", "d")]);
  expect(() => sortTopologically(graph)).toThrow(/cyclic: "b" -> "c" -> "d" -> "b"/);
  expect(() => sortTopologically(graphOfNodes([add("a", "x", "a")]))).toThrow(/cyclic: "a" -> "a"/);
});

test("long chains, backwards and closed to a ring, need no recursion", () => {
  const chain = Array.from({ length: 50_000 }, (_, i) => add(i === 0 ? "x" : `t${i}`, "x", `t${i + 1}`)).reverse();
  expect(sortTopologically(graphOfNodes(chain)).node[0]!.output).toEqual(["t1"]);
  chain.push(add("t50000", "x", "x"));
  expect(() => sortTopologically(graphOfNodes(chain))).toThrow(
    /cyclic: "t50000" -> "x" -> .* -> 49995 more -> "t50000"/,
  );
});
