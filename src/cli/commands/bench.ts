// `spinn bench`: the measurements behind the figures of the documentation, on this machine.

import { type BenchName, type BenchOptions, benches } from "../../bench/index.ts";

export async function benchCommand(name: BenchName, options: BenchOptions): Promise<void> {
  const { run } = await benches[name].load();
  await run(options);
}
