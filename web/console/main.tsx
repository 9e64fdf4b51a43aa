// The console: what a running server does, live.

import { render } from "preact";
import { Panel } from "../shared/panel.tsx";

render(
  <main>
    <Panel title="Console" name="console">
      <p class="soft">Nothing to see yet.</p>
    </Panel>
  </main>,
  document.getElementById("page")!,
);
