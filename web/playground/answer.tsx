// What the last image is, who said so, and where its time went.

import type { JSX } from "preact";
import type { Timings } from "../../src/web/index.ts";
import { byteCount, milliseconds, percent } from "../shared/format.ts";
import { reasonInWords } from "./plan-words.ts";
import type { Shot } from "./runner.ts";

export function Answer({ shot }: { readonly shot: Shot | undefined }): JSX.Element {
  if (!shot) return <p class="answer soft">Choose an image and run it.</p>;
  const { result, picture } = shot;
  const where = result.source === "device" ? "on this device" : "on the server";
  const sent = result.bytesUp === 0 ? "nothing sent" : `${byteCount(result.bytesUp)} sent`;
  return (
    <div class="answer" data-side={result.source}>
      <p class="verdict">
        <strong>{result.label}</strong> <span class="number">{percent(result.confidence)} sure</span>
        {picture?.label !== undefined && <Truth label={picture.label} isRight={picture.label === result.label} />}
      </p>
      <p>
        Left at <b>{result.exitName.replace(/^exit(?=\d)/, "exit ")}</b> {where}, after{" "}
        <b class="number">{milliseconds(result.timings.totalMs)}</b>, {sent}.
        {result.fallbackReason !== undefined && (
          <span class="fallback"> Not as planned: {reasonInWords(result.fallbackReason)}.</span>
        )}
      </p>
      <TimeBar timings={result.timings} />
    </div>
  );
}

function Truth({ label, isRight }: { readonly label: string; readonly isRight: boolean }): JSX.Element {
  return <span class={isRight ? "right" : "wrong"}>{isRight ? "right" : `wrong: it is ${label}`}</span>;
}

interface Part {
  readonly name: string;
  readonly side: "device" | "link" | "server" | "wait";
  readonly ms: number;
}

function partsOf(timings: Timings): Part[] {
  const known: Part[] = [
    { name: "preparing", side: "wait", ms: timings.prepareMs },
    { name: "device", side: "device", ms: timings.deviceMs + timings.packMs },
    { name: "link", side: "link", ms: timings.networkMs },
    { name: "server", side: "server", ms: timings.serverMs },
  ];
  const rest = timings.totalMs - known.reduce((sum, { ms }) => sum + ms, 0);
  return [...known, { name: "waiting", side: "wait" as const, ms: Math.max(0, rest) }].filter(({ ms }) => ms > 0.005);
}

function TimeBar({ timings }: { readonly timings: Timings }): JSX.Element {
  const parts = partsOf(timings);
  return (
    <div class="time">
      <div class="time-bar" aria-hidden="true">
        {parts.map(({ name, side, ms }) => (
          <i key={name} data-side={side} style={{ "--ms": ms }} />
        ))}
      </div>
      <ul class="legend" aria-label="Where the time went">
        {parts.map(({ name, side, ms }) => (
          <li key={name} data-side={side}>
            {name} <span class="number">{milliseconds(ms)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
