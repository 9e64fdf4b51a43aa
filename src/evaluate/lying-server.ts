// A server that lies now and then: it has the answers from a real one and passes them on, except when told to lie.

import { messageOf } from "../errors.ts";
import { createRng } from "../random.ts";
import type { Connection, ConnectionHandlers } from "../transport/index.ts";
import { listenWebSocket, websocketDial } from "../transport/index.ts";
import { defaultWireLimits } from "../wire/message-codec.ts";
import { type Lie, resultIn, tell } from "./lies.ts";

export interface LyingServer {
  readonly port: number;
  /** Instead of the next result. */
  lie(lie: Lie): void;
  /** How many lies were told. */
  readonly told: number;
  close(): Promise<void>;
}

/** @param honest where the answers come from, `ws://host:port`; @throws {SpinnError} Connection */
export async function startLyingServer(honest: string, seed: number): Promise<LyingServer> {
  const rng = createRng(seed);
  const { maxMessageBytes } = defaultWireLimits;
  const dial = websocketDial(honest);
  const planned: Lie[] = [];
  let told = 0;

  const accept = (device: Connection): ConnectionHandlers => {
    const early: Uint8Array[] = [];
    let server: Connection | undefined;
    let isClosed = false;
    const answers: ConnectionHandlers = {
      message(bytes) {
        const result = planned.length > 0 ? resultIn(bytes) : undefined;
        if (!result) return device.send(bytes);
        told++;
        for (const lie of tell(planned.shift()!, result, rng)) device.send(lie);
      },
      closed: (reason) => device.close(reason),
    };
    dial(answers, { maxMessageBytes }).then(
      (connection) => {
        server = connection;
        for (const bytes of early) connection.send(bytes);
        if (isClosed) connection.close();
      },
      (error: unknown) => device.close(messageOf(error)),
    );
    return {
      message: (bytes) => (server ? server.send(bytes) : void early.push(bytes)),
      closed() {
        isClosed = true;
        server?.close();
      },
    };
  };
  const listener = await listenWebSocket({ port: 0, accept, maxMessageBytes });
  return {
    port: listener.port,
    lie: (lie) => void planned.push(lie),
    get told() {
      return told;
    },
    close: () => listener.close(),
  };
}
