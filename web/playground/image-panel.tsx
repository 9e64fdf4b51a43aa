// Which images: samples, the user's own, the camera; once or on and on.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { messageOf } from "../../src/errors.ts";
import { Panel } from "../shared/panel.tsx";
import { Slider } from "../shared/slider.tsx";
import type { Camera } from "./camera.ts";
import type { Gallery, Picture } from "./gallery.ts";
import type { Journal } from "./journal.ts";
import type { Runner } from "./runner.ts";

export interface ImagePanelProps {
  readonly gallery: Gallery;
  readonly camera: Camera;
  readonly runner: Runner;
  readonly journal: Journal;
  readonly isReady: boolean;
}

const MAX_PACE = 30;

export function ImagePanel({ gallery, camera, runner, journal, isReady }: ImagePanelProps): JSX.Element {
  const isFilming = camera.stream.value !== undefined;
  const isRunning = runner.isRunning.value;
  const canRun = isReady && (isFilming || gallery.current.value !== undefined);
  const toggleCamera = async (): Promise<void> => {
    if (isFilming) {
      camera.stop();
      runner.stop();
      return;
    }
    try {
      await camera.start();
      await runner.start();
    } catch (error) {
      journal.note("camera", messageOf(error), "bad");
    }
  };
  return (
    <Panel title="Images" name="images">
      <div class="stand">
        {isFilming ? <Film video={camera.video} /> : <Preview picture={gallery.current.value} />}
        <div class="actions">
          <button type="button" class="primary" disabled={!canRun} onClick={() => void runner.once()}>
            Run
          </button>
          <button
            type="button"
            aria-pressed={isRunning}
            disabled={!canRun && !isRunning}
            onClick={() => (isRunning ? runner.stop() : void runner.start())}
          >
            {isRunning ? "Stop" : "Run on and on"}
          </button>
          <button type="button" aria-pressed={isFilming} disabled={!isReady} onClick={() => void toggleCamera()}>
            Camera
          </button>
          <FileButton gallery={gallery} journal={journal} />
        </div>
      </div>
      <Slider
        label="Images a second, at most"
        value={runner.pace.value - 1}
        max={MAX_PACE - 1}
        text={String(runner.pace.value)}
        onInput={(value) => {
          runner.pace.value = value + 1;
        }}
      />
      <Thumbnails gallery={gallery} onChoose={() => !isRunning && canRun && void runner.once()} />
      <p class="soft hint">Drop or paste images anywhere on this page. They leave it only as a plan sends them.</p>
    </Panel>
  );
}

function Preview({ picture }: { readonly picture: Picture | undefined }): JSX.Element {
  if (!picture) return <div class="preview soft">No image yet</div>;
  return <img class="preview" src={picture.url} alt={`Chosen: ${titleOf(picture)}`} />;
}

function Film({ video }: { readonly video: HTMLVideoElement }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => place.current?.replaceChildren(video), [video]);
  return <div class="preview" ref={place} />;
}

/** Arrow keys go from one to the next. */
function Thumbnails({ gallery, onChoose }: { readonly gallery: Gallery; readonly onChoose: () => void }): JSX.Element {
  const pictures = gallery.pictures.value;
  if (pictures.length === 0)
    return <p class="soft">The server has no samples (spinn serve --samples). Open an image of your own.</p>;
  return (
    <fieldset class="thumbnails">
      <legend class="hidden">Image</legend>
      {pictures.map((picture) => (
        <label key={picture.id} title={titleOf(picture)}>
          <input
            type="radio"
            name="picture"
            checked={picture.id === gallery.current.value?.id}
            onChange={() => {
              gallery.current.value = picture;
              onChoose();
            }}
          />
          <img src={picture.url} alt={titleOf(picture)} loading="lazy" />
        </label>
      ))}
    </fieldset>
  );
}

function FileButton({ gallery, journal }: { readonly gallery: Gallery; readonly journal: Journal }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>
        Open …
      </button>
      <input
        ref={input}
        type="file"
        accept="image/*"
        multiple
        hidden
        aria-label="Images to open"
        onChange={({ currentTarget }) => {
          addFiles(gallery, journal, currentTarget.files ?? []);
          currentTarget.value = "";
        }}
      />
    </>
  );
}

/** @returns whether there was an image among them */
export function addFiles(gallery: Gallery, journal: Journal, files: Iterable<File>): boolean {
  const { added, refused } = gallery.addFiles(files);
  if (refused > 0)
    journal.note("image", refused === 1 ? "That file is no image" : `${refused} files are no images`, "bad");
  return added.length > 0;
}

function titleOf({ label, name }: Picture): string {
  return label ?? name;
}
