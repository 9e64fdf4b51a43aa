// Listening on a subject of NATS. Those who listen on the same subject share the callers among themselves.

import type { Msg, NatsConnection as NatsClient } from "@nats-io/nats-core";
import { closeFrame, frame, frameKinds, NatsConnection } from "./nats-connection.ts";
import type { Accept } from "./transport.ts";

export interface NatsListenOptions {
  /** A client's connection; the caller closes it. */
  readonly nats: NatsClient;
  /** Where to dial. */
  readonly subject: string;
  readonly accept: Accept;
  /** Longest message taken from a peer: whoever sends a longer one is cut off. */
  readonly maxMessageBytes: number;
  /** @default 1024 */
  readonly maxConnections?: number;
}

export interface NatsListener {
  readonly subject: string;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}

/** Of those who share a subject. */
const QUEUE = "spinn";

/** @example const listener = natsListen({ nats, subject: "spinn.devices", ...engine }); */
export function natsListen(options: NatsListenOptions): NatsListener {
  const { nats, subject, accept, maxMessageBytes, maxConnections = 1024 } = options;
  const open = new Set<NatsConnection>();
  const opened = (other: string): void => {
    if (open.size >= maxConnections) {
      nats.publish(other, closeFrame(`${maxConnections} connections are open already`));
      return;
    }
    const connection = new NatsConnection(nats, `nats ${other}`, { maxMessageBytes });
    open.add(connection);
    nats.publish(other, frame(frameKinds.opened), { reply: connection.inbox });
    // what the handlers are made with they may use at once: the other end has to be known by then
    let handlers: ReturnType<Accept> | undefined;
    connection.begin(other, {
      message: (bytes) => handlers?.message(bytes),
      closed: (reason) => {
        open.delete(connection);
        handlers?.closed(reason);
      },
    });
    handlers = accept(connection);
  };
  const subscription = nats.subscribe(subject, {
    queue: QUEUE,
    callback: (error, message: Msg) => {
      // whatever else is published here asks for nothing, and gets none
      if (!error && message.data[0] === frameKinds.open && message.data.length === 1 && message.reply)
        opened(message.reply);
    },
  });
  return {
    subject,
    async close() {
      if (!nats.isClosed()) subscription.unsubscribe();
      for (const connection of [...open]) connection.close("shutting down");
      if (!nats.isClosed()) await nats.flush().catch(() => undefined);
    },
  };
}
