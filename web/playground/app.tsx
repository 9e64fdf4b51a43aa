// The playground as a whole: what there is, and where it stands.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Chip } from "../shared/chip.tsx";
import { EventList } from "../shared/event-list.tsx";
import { bitRate, milliseconds } from "../shared/format.ts";
import { PageBar } from "../shared/page-bar.tsx";
import { Panel } from "../shared/panel.tsx";
import { TokenForm } from "../shared/token-form.tsx";
import type { Camera } from "./camera.ts";
import { ChartsPanel } from "./charts-panel.tsx";
import { ComparePanel } from "./compare-panel.tsx";
import { ConditionsPanel } from "./conditions-panel.tsx";
import type { Gallery } from "./gallery.ts";
import type { Goals } from "./goals.ts";
import { GoalsPanel } from "./goals-panel.tsx";
import { addFiles, ImagePanel } from "./image-panel.tsx";
import type { Journal } from "./journal.ts";
import type { LinkControl } from "./link-control.ts";
import { NetworkPanel } from "./network-panel.tsx";
import { PlanPanel } from "./plan-panel.tsx";
import type { Runner } from "./runner.ts";
import type { Session } from "./session.ts";

export interface AppProps {
  readonly session: Session;
  readonly gallery: Gallery;
  readonly camera: Camera;
  readonly goals: Goals;
  readonly link: LinkControl;
  readonly runner: Runner;
  readonly journal: Journal;
}

const links = [{ text: "Console", href: "console" }];

export function App(props: AppProps): JSX.Element {
  const { session, gallery, camera, goals, link, runner, journal } = props;
  const isDropping = useImagesFromOutside(props);
  const problem = session.problem.value;
  const tokenProblem = session.tokenProblem.value;
  const askForToken = tokenProblem !== undefined && (
    <TokenForm
      text="This server asks for a token."
      problem={tokenProblem}
      onToken={(token) => void session.useToken(token)}
    />
  );
  if (askForToken && !session.isAdmitted.value)
    return (
      <>
        <PageBar title="spinn playground" links={links} />
        <main>{askForToken}</main>
      </>
    );
  return (
    <>
      <PageBar title="spinn playground" links={links}>
        <Status session={session} link={link} />
      </PageBar>
      <main class="playground" data-dropping={isDropping}>
        {askForToken}
        {problem !== undefined && (
          <div class="notice problem" role="alert">
            <span>{problem}</span>
            <button type="button" onClick={() => void session.open()}>
              Try again
            </button>
          </div>
        )}
        <ImagePanel
          gallery={gallery}
          camera={camera}
          runner={runner}
          journal={journal}
          isReady={session.client.value !== undefined}
        />
        <NetworkPanel session={session} runner={runner} />
        <GoalsPanel goals={goals} />
        <ConditionsPanel link={link} session={session} />
        <PlanPanel session={session} runner={runner} />
        <ChartsPanel session={session} runner={runner} />
        <ComparePanel runner={runner} exits={session.network.value?.exits.length ?? 0} />
        <Panel title="Events" name="journal">
          <EventList events={journal.events.value} label="Events" empty="Nothing has happened yet." />
        </Panel>
      </main>
    </>
  );
}

function Status({ session, link }: { readonly session: Session; readonly link: LinkControl }): JSX.Element {
  const network = session.network.value;
  const status = session.link.value;
  const runtime = session.runtime.value;
  const arrived = session.arrived.value;
  const model = session.model.value;
  return (
    <p class="status">
      {model && <Chip>{model.name}</Chip>}
      {status && <LinkChip status={status} isOffline={link.isOffline.value} />}
      {network && arrived < network.exits.length && (
        <Chip tone="busy">
          downloading, {arrived} of {network.exits.length} slices
        </Chip>
      )}
      {runtime && (
        <Chip tone="good">
          {runtime.provider === "wasm" ? "WebAssembly" : "WebGPU"}
          {runtime.provider === "wasm" && `, ${runtime.threads} ${runtime.threads === 1 ? "thread" : "threads"}`}
        </Chip>
      )}
    </p>
  );
}

interface LinkChipProps {
  readonly status: NonNullable<Session["link"]["value"]>;
  readonly isOffline: boolean;
}

function LinkChip({ status, isOffline }: LinkChipProps): JSX.Element {
  const { connected, rttMs, uplinkBps } = status;
  if (!connected)
    return (
      <Chip tone="bad" {...(status.problem !== undefined && { title: status.problem })}>
        {isOffline ? "offline" : "no server"}
      </Chip>
    );
  const figures = [
    ...(rttMs === undefined ? [] : [milliseconds(rttMs)]),
    ...(uplinkBps === undefined ? [] : [bitRate(uplinkBps)]),
  ];
  return <Chip tone="good">{["server", ...figures].join(" · ")}</Chip>;
}

/** Images that are dropped on the page or pasted into it. @returns whether something is held above it */
function useImagesFromOutside({ gallery, journal, runner }: AppProps): boolean {
  const [isDropping, setDropping] = useState(false);
  useEffect(() => {
    const take = (files: FileList | undefined): void => {
      if (files && files.length > 0 && addFiles(gallery, journal, files) && !runner.isRunning.value) void runner.once();
    };
    const off = new AbortController();
    const on = <K extends keyof WindowEventMap>(name: K, listener: (event: WindowEventMap[K]) => void): void =>
      window.addEventListener(name, listener, { signal: off.signal });
    on("dragover", (event) => {
      event.preventDefault();
      setDropping(true);
    });
    on("dragleave", (event) => {
      if (event.relatedTarget === null) setDropping(false);
    });
    on("drop", (event) => {
      event.preventDefault();
      setDropping(false);
      take(event.dataTransfer?.files);
    });
    on("paste", (event) => take(event.clipboardData?.files));
    return () => off.abort();
  }, [gallery, journal, runner]);
  return isDropping;
}
