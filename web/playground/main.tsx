// The playground: a page that is the device.

import { render } from "preact";
import { Panel } from "../shared/panel.tsx";

render(
  <main>
    <Panel title="Playground" name="playground">
      <p class="soft">Nothing to see yet.</p>
    </Panel>
  </main>,
  document.getElementById("page")!,
);
