// The console as a whole: how the server stands, the last two minutes, networks, clients, refusals, what happened.

import type { JSX } from "preact";
import type { ConsoleEvent, ConsoleSnapshot } from "../../src/server/console/console-snapshot.ts";
import { Chip, type Tone } from "../shared/chip.tsx";
import { EventList } from "../shared/event-list.tsx";
import { type Figure, Figures } from "../shared/figures.tsx";
import { byteCount, milliseconds, significant } from "../shared/format.ts";
import { PageBar } from "../shared/page-bar.tsx";
import { Panel } from "../shared/panel.tsx";
import { TokenForm } from "../shared/token-form.tsx";
import { keptToken } from "../shared/token-store.ts";
import { BarList } from "./bar-list.tsx";
import { Charts } from "./charts.tsx";
import { ClientTable } from "./client-table.tsx";
import { NetworkTable } from "./network-table.tsx";
import { type Connection, connection, history, pause, resume, snapshot, useToken } from "./server-state.ts";

const playground = { text: "Playground", href: "./" };
const metrics = { text: "Metrics", href: "./metrics" };

const tones: Readonly<Record<ConsoleEvent["kind"], Tone>> = {
  connected: "good",
  left: "plain",
  refused: "bad",
  "turned-away": "bad",
  network: "busy",
};

export function Console(): JSX.Element {
  const state = connection.value;
  const seen = snapshot.value;
  // a link brings no token
  const links = state.kind === "token" || keptToken() !== "" ? [playground] : [playground, metrics];
  return (
    <>
      <PageBar title="spinn console" links={links}>
        <StateChip state={state} isDraining={seen?.isDraining ?? false} />
        {seen && (
          <span class="soft number">
            {seen.agent}, up {duration(seen.atMs - seen.startedAtMs)}
          </span>
        )}
        {state.kind === "live" && (
          <button type="button" onClick={pause}>
            Pause
          </button>
        )}
        {state.kind === "paused" && (
          <button type="button" onClick={resume}>
            Resume
          </button>
        )}
      </PageBar>
      <main class="console">
        {state.kind === "lost" && (
          <p class="notice" role="status">
            {state.reason}. Trying again; what you see is the last that it said.
          </p>
        )}
        {state.kind === "token" ? (
          <TokenForm
            text="This server's console asks for an operator's token."
            problem={state.problem}
            onToken={useToken}
          />
        ) : (
          seen && <Panels seen={seen} />
        )}
      </main>
    </>
  );
}

function Panels({ seen }: { readonly seen: ConsoleSnapshot }): JSX.Element {
  const { now, totals, networks, clients, events } = seen;
  return (
    <>
      <Panel title="Now" name="now">
        <Figures figures={figuresOf(seen)} />
      </Panel>
      <Panel title="The last two minutes" name="minutes">
        <Charts history={history.value} />
      </Panel>
      <Panel title="Clients" name="clients" aside={<span class="soft number">{now.clients} connected</span>}>
        <ClientTable clients={clients} networks={networks} count={now.clients} />
      </Panel>
      <Panel title="Networks" name="networks-panel">
        <NetworkTable networks={networks} />
      </Panel>
      <Panel title="Batches" name="batches">
        <BarList
          rows={totals.batches.map(({ images, count }) => ({
            name: `${images} ${images === 1 ? "image" : "images"}`,
            count,
          }))}
          empty="No slice has run yet."
        />
      </Panel>
      <Panel title="Refusals" name="refusals">
        <BarList
          color="bad"
          rows={totals.refusals.map(({ code, count }) => ({ name: code, count }))}
          empty="Nobody has been refused."
        />
      </Panel>
      <Panel title="What happened" name="happened">
        <EventList
          label="What happened"
          empty="Nothing yet."
          events={events.map(({ kind, ...event }) => ({ ...event, kind: kind.replace("-", " "), tone: tones[kind] }))}
        />
      </Panel>
    </>
  );
}

function StateChip({ state, isDraining }: { readonly state: Connection; readonly isDraining: boolean }): JSX.Element {
  if (state.kind === "live") return isDraining ? <Chip tone="busy">shutting down</Chip> : <Chip tone="good">live</Chip>;
  if (state.kind === "lost") return <Chip tone="bad">lost</Chip>;
  return <Chip>{state.kind === "token" ? "closed" : state.kind}</Chip>;
}

function figuresOf({ now, totals }: ConsoleSnapshot): Figure[] {
  const { queueMs, computeMs, meanBatch } = now;
  const ms = (value: number | undefined): string | undefined => (value === undefined ? undefined : milliseconds(value));
  return [
    { name: "clients", value: String(now.clients) },
    { name: "runs answered", value: `${significant(now.answeredPerSecond)}/s` },
    { name: "runs waiting or computing", value: String(now.queued) },
    { name: "load factor", value: significant(now.loadFactor) },
    { name: "waiting, 95 % within", value: ms(queueMs?.p95) },
    { name: "computing, half within", value: ms(computeMs?.p50) },
    { name: "images in a batch", value: meanBatch === null ? undefined : significant(meanBatch) },
    { name: "answered so far", value: String(totals.answered) },
    { name: "refused so far", value: String(totals.refused) },
    { name: "canceled so far", value: String(totals.cancelled) },
    { name: "received so far", value: byteCount(totals.receivedBytes) },
    { name: "sent so far", value: byteCount(totals.sentBytes) },
  ];
}

/** @example duration(3_725_000) === "1 h 2 min" */
function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}
