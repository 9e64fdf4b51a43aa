// Thousands of streams damaged at random, against the reader that sits at the end of every connection. For more:
// SPINN_FUZZ=1000000 npx vitest run src/wire/fuzz.test.ts

import fc from "fast-check";
import { expect, test } from "vitest";
import { anyMessage, hash } from "../../test/messages.ts";
import { xxhash32 } from "../codec/xxhash32.ts";
import { isSpinnError } from "../errors.ts";
import { createRng } from "../random.ts";
import { FrameReader } from "./frame-reader.ts";
import { encodeFrame } from "./message-codec.ts";

const RUNS = Number(process.env.SPINN_FUZZ ?? 4000);

test(`${RUNS} damaged frames, half of them with a right checksum: InvalidFrame or a message`, () => {
  const rng = createRng(2);
  const below = (limit: number): number => Math.floor(rng() * limit);
  const hello = encodeFrame({
    kind: "hello",
    role: "device",
    modelHash: hash,
    limits: { maxMessageBytes: 2 ** 20, maxTensorBytes: 2 ** 20, maxInFlight: 1 },
    agent: "fuzz",
  });
  const samples = fc.sample(anyMessage, { numRuns: 200, seed: 3 }).map(encodeFrame);
  let refused = 0;
  for (let run = 0; run < RUNS; run++) {
    const frame = samples[below(samples.length)]!.slice();
    const covered = rng() < 0.5;
    for (let edits = 1 + below(3); edits > 0; edits--) {
      frame[below(4) === 0 ? below(4) : 4 + below(frame.length - 4)]! ^= 1 + below(255);
    }
    if (covered) {
      const view = new DataView(frame.buffer);
      view.setUint32(0, frame.length - 4, true);
      view.setUint32(frame.length - 4, xxhash32(frame.subarray(4, -4)), true);
    }
    const reader = new FrameReader({ maxMessageBytes: 4096 });
    try {
      reader.push(hello);
      const cut = below(frame.length);
      reader.push(frame.subarray(0, cut));
      reader.push(frame.subarray(cut));
      reader.end();
    } catch (error) {
      if (!isSpinnError(error, "InvalidFrame")) throw error;
      refused++;
    }
  }
  // Half of the frames lie only about values that may be anything.
  expect(refused).toBeGreaterThan(0.5 * RUNS);
}, 3_600_000);
