// Side by side on the same images: this project, the device alone, the server alone.

import type { JSX } from "preact";
import { type Answered, type Summary, summarize } from "../../src/evaluate/summarize.ts";
import { byteCount, milliseconds, percent } from "../shared/format.ts";
import { Panel } from "../shared/panel.tsx";
import type { Contestant, Runner, Score } from "./runner.ts";

const contestants: readonly { readonly key: Contestant; readonly name: string; readonly title: string }[] = [
  { key: "spinn", name: "SPINN", title: "As planned" },
  { key: "device-only", name: "Device only", title: "The whole network on this device, no exits" },
  { key: "server-only", name: "Server only", title: "The image to the server, the whole network there, no exits" },
];

export function ComparePanel({ runner, exits }: { readonly runner: Runner; readonly exits: number }): JSX.Element {
  const isOn = runner.compares.value;
  const rows = contestants.map((one) => ({ ...one, summary: summaryOf(runner.scores.value[one.key], exits) }));
  const slowestMs = Math.max(...rows.map(({ summary }) => summary?.latencyMs.mean ?? 0));
  const images = runner.scores.value.spinn.length;
  const controls = (
    <>
      <button
        type="button"
        aria-pressed={isOn}
        onClick={() => {
          runner.compares.value = !isOn;
        }}
      >
        {isOn ? "Comparing" : "Compare"}
      </button>{" "}
      <button type="button" disabled={images === 0} onClick={() => runner.clearScores()}>
        Clear
      </button>
    </>
  );
  return (
    <Panel title="Side by side" name="compare" aside={controls}>
      {images === 0 ? (
        <p class="soft">
          {isOn
            ? "From the next image on, every image is run three times: as planned, all of it here, all of it there."
            : "Runs every image three times: as planned, all of it on the device, all of it on the server."}
        </p>
      ) : (
        // wider than a phone: to be scrolled by keys, it must take the focus
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        <section class="scroll" tabIndex={0} aria-label="Side by side, figures">
          <table>
            <caption class="soft">The last {images === 1 ? "image" : `${images} images`}, means</caption>
            <thead>
              <tr>
                <td />
                <th scope="col">latency</th>
                <th scope="col" class="number">
                  95 % within
                </th>
                <th scope="col" class="number">
                  right
                </th>
                <th scope="col" class="number">
                  sent
                </th>
                <th scope="col" class="number">
                  server
                </th>
                <th scope="col" class="number">
                  answered
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ key, name, title, summary }) => (
                <tr key={key} data-contestant={key}>
                  <th scope="row" title={title}>
                    {name}
                  </th>
                  <Cells summary={summary} slowestMs={slowestMs} knowsAll={runner.knowsAll.value} />
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Panel>
  );
}

interface CellsProps {
  readonly summary: Summary | undefined;
  readonly slowestMs: number;
  readonly knowsAll: boolean;
}

function Cells({ summary, slowestMs, knowsAll }: CellsProps): JSX.Element {
  if (!summary || summary.answered === 0)
    return (
      <td colSpan={6} class="soft">
        no answer
      </td>
    );
  const { latencyMs, accuracy, bytesUpMean, serverMsMean, answered, images } = summary;
  return (
    <>
      <td class="bar-cell" style={{ "--length": latencyMs.mean / slowestMs }}>
        <span class="number">{milliseconds(latencyMs.mean)}</span>
      </td>
      <td class="number">{milliseconds(latencyMs.p95)}</td>
      <td class="number">{knowsAll ? percent(accuracy) : "–"}</td>
      <td class="number">{byteCount(bytesUpMean)}</td>
      <td class="number">{milliseconds(serverMsMean)}</td>
      <td class="number">
        {answered} of {images}
      </td>
    </>
  );
}

function summaryOf(score: Score, exits: number): Summary | undefined {
  if (score.length === 0) return undefined;
  const answers = score.filter((one): one is Answered => one !== undefined);
  return summarize(answers, score.length, exits);
}
