// The console: what a running server does, live.

import { render } from "preact";
import { Console } from "./console.tsx";
import { listen } from "./server-state.ts";

render(<Console />, document.getElementById("page")!);
listen();
