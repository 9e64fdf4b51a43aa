// The words of the benchmarks, for those of developers alone that are no part of the package.

export { type BenchOptions, type Findings, median, type Spread, spread, writeReport } from "../src/bench/report.ts";
