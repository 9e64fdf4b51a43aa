// Asks a server for its network and answers for images: on the server until the network is here, then wherever it is faster, and
// here when the server is gone.

import { connect } from "spinn/web";

const server = new URLSearchParams(location.search).get("server") ?? "http://localhost:8484";
const input = document.querySelector("input")!;
const status = document.querySelector("[role=status]")!;
const say = (text: string): void => {
  status.textContent = text;
};

try {
  const [model] = await (await fetch(`${server}/api/models`)).json();
  const client = await connect({ model: server + model.url, server: server.replace("http", "ws") });
  say(`Ready: ${client.network.labels?.join(", ")}`);
  input.disabled = false;
  input.onchange = async () => {
    const [file] = input.files ?? [];
    if (!file) return;
    const { label, confidence, source, exitName, timings } = await client.infer(file, { deadlineMs: 1000 });
    const sure = `${Math.round(100 * confidence)} %`;
    say(`${label} (${sure}), said the ${source} at ${exitName} after ${Math.round(timings.totalMs)} ms`);
  };
} catch (error) {
  say(`${error}`);
}
