// The playground: a page that is the device. Puts its parts together and opens them.

import { effect } from "@preact/signals";
import { render } from "preact";
import { messageOf } from "../../src/errors.ts";
import { keptToken } from "../shared/token-store.ts";
import { App } from "./app.tsx";
import { Camera } from "./camera.ts";
import { Gallery } from "./gallery.ts";
import { Goals } from "./goals.ts";
import { Journal } from "./journal.ts";
import { LinkControl } from "./link-control.ts";
import { Runner } from "./runner.ts";
import { dialUrl, listSamples } from "./server.ts";
import { Session } from "./session.ts";

const journal: Journal = new Journal();
const gallery: Gallery = new Gallery();
const camera: Camera = new Camera();
const goals: Goals = new Goals();
const link: LinkControl = new LinkControl(dialUrl(), keptToken);
const session: Session = new Session(goals, link, journal);
const runner: Runner = new Runner(session, gallery, camera, journal);

effect(() => {
  if (!session.isAdmitted.value) return;
  listSamples().then(
    (samples) => gallery.addSamples(samples),
    (error: unknown) => journal.note("samples", messageOf(error), "bad"),
  );
});
void session.open();
const parts = { session, gallery, camera, goals, link, runner, journal };
render(<App {...parts} />, document.getElementById("page")!);
