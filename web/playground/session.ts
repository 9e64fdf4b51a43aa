// The client of the page: opened once, told what the user wants, and watched.

import { effect, type Signal, signal } from "@preact/signals";
import { messageOf } from "../../src/errors.ts";
import type { SideSamples } from "../../src/profiler/side-samples.ts";
import type { WebClient, WebRuntime } from "../../src/web/index.ts";
import { connect, type LinkStatus, type NetworkInfo, type Plan, type PlanChange } from "../../src/web/index.ts";
import { tokenProblem } from "../shared/refused-error.ts";
import { keepToken, keptToken } from "../shared/token-store.ts";
import type { Goals } from "./goals.ts";
import type { Journal } from "./journal.ts";
import type { LinkControl } from "./link-control.ts";
import { planInWords, reasonInWords, relaxedInWords, whyInWords } from "./plan-words.ts";
import { base, listNetworks, type ServedNetwork } from "./server.ts";

/** Nothing tells when figures of the link move a little. */
const WATCH_MS = 500;
/** Typing pauses. */
const SETTLE_MS = 400;

export class Session {
  readonly model: Signal<ServedNetwork | undefined> = signal<ServedNetwork | undefined>(undefined);
  readonly client: Signal<WebClient | undefined> = signal<WebClient | undefined>(undefined);
  readonly network: Signal<NetworkInfo | undefined> = signal<NetworkInfo | undefined>(undefined);
  readonly plan: Signal<Plan | undefined> = signal<Plan | undefined>(undefined);
  /** The last change of the plan; undefined until the first. */
  readonly change: Signal<PlanChange | undefined> = signal<PlanChange | undefined>(undefined);
  /** When the plan changed. */
  readonly changedAtMs: Signal<readonly number[]> = signal<readonly number[]>([]);
  readonly link: Signal<LinkStatus | undefined> = signal<LinkStatus | undefined>(undefined);
  readonly runtime: Signal<WebRuntime | undefined> = signal<WebRuntime | undefined>(undefined);
  /** How many of the network's slices have come. */
  readonly arrived: Signal<number> = signal(0);
  readonly slowdown: Signal<number> = signal(1);
  /** Why there is nothing to try. */
  readonly problem: Signal<string | undefined> = signal<string | undefined>(undefined);
  /** Has the server let the page in? */
  readonly isAdmitted: Signal<boolean> = signal(false);
  /** The server asks for a token; why the one that it was shown will not do, empty for none. */
  readonly tokenProblem: Signal<string | undefined> = signal<string | undefined>(undefined);
  /** What the plan is to deliver, as things are now. */
  readonly expected: Signal<WebClient["expected"]> = signal<WebClient["expected"]>(undefined);
  readonly #goals: Goals;
  readonly #link: LinkControl;
  readonly #journal: Journal;

  constructor(goals: Goals, link: LinkControl, journal: Journal) {
    this.#goals = goals;
    this.#link = link;
    this.#journal = journal;
  }

  async open(): Promise<void> {
    this.problem.value = undefined;
    const token = keptToken();
    try {
      const [model] = await listNetworks();
      this.isAdmitted.value = true;
      this.tokenProblem.value = undefined;
      if (!model) throw new Error("The server serves no network");
      this.model.value = model;
      const client = await connect({
        model: model.url,
        server: this.#link.dial,
        ...(token !== "" && { token }),
        runtime: {
          assets: new URL("ort/", base),
          // networks that answer in milliseconds are faster there than on a GPU
          prefer: "wasm",
          onFallback: (reason) => this.#journal.note("runtime", reason),
        },
        sideStore: memoryStore(),
        onRuntime: (runtime) => {
          this.runtime.value = runtime;
        },
        onArrived: () => {
          this.arrived.value++;
        },
      });
      this.#watch(client);
    } catch (error) {
      this.tokenProblem.value = tokenProblem(error, token);
      if (this.tokenProblem.value === undefined) this.problem.value = messageOf(error);
    }
  }

  /** Of a server that asks for one. */
  async useToken(token: string): Promise<void> {
    keepToken(token);
    if (!this.client.value) return await this.open();
    // a client that was let in once dials again by itself
    this.tokenProblem.value = undefined;
  }

  #watch(client: WebClient): void {
    const journal = this.#journal;
    const look = (): void => {
      this.link.value = client.link;
      this.expected.value = client.expected;
    };
    this.network.value = client.network;
    this.plan.value = client.plan;
    client.on("plan", (change) => this.#planned(client.network, change));
    let isConnected = client.link.connected;
    client.on("connection", ({ connected, reason = "" }) => {
      if (connected) journal.note("link", "Connected to the server", "good");
      // an attempt that fails is no news
      else if (isConnected) journal.note("link", `Connection lost: ${reason}`, "bad");
      isConnected = connected;
      look();
      const { refusal } = client.link;
      // as it can be once a token has expired
      if (!connected && refusal === "unauthorized")
        this.tokenProblem.value = `The server lets this page in no more: ${reason}.`;
      else if (connected) this.tokenProblem.value = undefined;
    });
    client.on("link", look);
    client.on("fallback", ({ reason }) =>
      journal.note("fallback", `Answered on the device: ${reasonInWords(reason)}`, "bad"),
    );
    client.on("warning", (message) => journal.note("warning", message));
    const { exits } = client.network;
    const where = client.link.connected ? "the server answers until its slices are here" : "there is no server";
    journal.note("network", `Opened, ${exits.length} exits; ${where}`, "good");
    look();
    setInterval(look, WATCH_MS);
    this.client.value = client;
    effect(() => client.setSlowdown(this.slowdown.value));
    this.#followGoals(client);
  }

  #planned(network: NetworkInfo, change: PlanChange): void {
    this.plan.value = change.plan;
    this.change.value = change;
    this.expected.value = change.expected;
    this.changedAtMs.value = [...this.changedAtMs.value.slice(-50), Date.now()];
    this.#journal.note("plan", `${planInWords(network, change.plan)}: ${whyInWords(change)}`, "busy");
    for (const line of relaxedInWords(change)) this.#journal.note("agreement", line, "bad");
  }

  /** The agreement as it stands, as soon as nobody types any more. */
  #followGoals(client: WebClient): void {
    let timer = 0;
    let followed = "";
    effect(() => {
      const reading = this.#goals.reading.value;
      if ("problem" in reading) return;
      const { words } = reading;
      const asText = JSON.stringify(words);
      if (asText === followed) return;
      clearTimeout(timer);
      const follow = (): void => {
        followed = asText;
        client.setPlan({}, words).catch((error: unknown) => this.#journal.note("agreement", messageOf(error), "bad"));
      };
      timer = setTimeout(follow, followed === "" ? 0 : SETTLE_MS);
    });
  }
}

/** Each change of the agreement would measure this device again. */
function memoryStore(): NonNullable<Parameters<typeof connect>[0]["sideStore"]> {
  const kept = new Map<string, SideSamples>();
  return {
    read: async (network) => kept.get(network),
    write: async (network, samples) => void kept.set(network, samples),
  };
}
