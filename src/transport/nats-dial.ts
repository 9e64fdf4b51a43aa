// Dialling over NATS whoever listens on a subject: from Node, or from a page over the NATS server's own WebSocket.

import type { Msg, NatsConnection as NatsClient } from "@nats-io/nats-core";
import { SpinnError } from "../errors.ts";
import { frame, frameKinds, NatsConnection, saysNobody } from "./nats-connection.ts";
import { linkOf } from "./nats-link.ts";
import type { Dial } from "./transport.ts";

export interface NatsDialOptions {
  /** Give up on a listener that does not answer after this long. @default 5000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * What the subjects begin with where this end listens; one for each device, with permissions to match, keeps devices from listening
   * to each other. @default "_INBOX"
   */
  readonly inboxPrefix?: string;
}

/**
 * Where several listen on the subject, one of them answers.
 *
 * @param nats a client's connection, shared by all that is dialled; the caller closes it
 * @example const dial = natsDial(await wsconnect({ servers: "wss://nats.example.org" }), "spinn.devices");
 */
export function natsDial(nats: NatsClient, subject: string, options: NatsDialOptions = {}): Dial {
  const { handshakeTimeoutMs = 5000, inboxPrefix } = options;
  const link = linkOf(nats);
  return (handlers, { maxMessageBytes, signal }) =>
    new Promise((resolve, reject) => {
      const aborted = (): SpinnError => new SpinnError("Aborted", `Stopped while connecting to ${subject}`);
      if (signal?.aborted) return reject(aborted());
      if (!link.isUp || nats.isClosed()) return reject(unreachable(subject, "there is no connection to NATS", RETRY));
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        forget();
        act();
      };
      const fail = (error: SpinnError): void =>
        settle(() => {
          connection.close();
          reject(error);
        });
      const abort = (): void => fail(aborted());
      const answered = (message: Msg): void => {
        const { data, reply } = message;
        if (data[0] === frameKinds.opened && reply) {
          settle(() => {
            connection.begin(reply, handlers);
            resolve(connection);
          });
        } else if (saysNobody(message)) {
          fail(unreachable(subject, "nobody listens", "Start what is to listen there, or check the subject"));
        } else {
          const isClose = data[0] === frameKinds.close;
          const why = isClose ? new TextDecoder().decode(data.subarray(1)) : "it speaks another language";
          fail(unreachable(subject, why, RETRY));
        }
      };
      const end = { maxMessageBytes, first: answered, ...(inboxPrefix !== undefined && { inboxPrefix }) };
      const connection = new NatsConnection(nats, `nats ${subject}`, end);
      const timer = setTimeout(
        () => fail(unreachable(subject, `no answer within ${handshakeTimeoutMs} ms`, RETRY)),
        handshakeTimeoutMs,
      );
      const forget = link.onLost(() => fail(unreachable(subject, "the connection to NATS broke", RETRY)));
      signal?.addEventListener("abort", abort, { once: true });
      nats.publish(subject, frame(frameKinds.open), { reply: connection.inbox });
    });
}

const RETRY = "Check the NATS server, or try again later";

function unreachable(subject: string, why: string, hint: string): SpinnError {
  return new SpinnError("Connection", `Cannot connect to NATS subject ${subject}: ${why}`, { hint });
}
