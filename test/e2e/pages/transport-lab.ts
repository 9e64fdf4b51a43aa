// The platform's WebSocket as a connection.

import { isSpinnError } from "../../../src/errors.ts";
import { browserDial } from "../../../src/transport/browser-websocket.ts";
import type { Connection, ConnectionHandlers } from "../../../src/transport/transport.ts";
import type { Lab, Repeated } from "../lab.ts";

const sides: Side[] = [];

class Side implements ConnectionHandlers {
  connection!: Connection;
  readonly messages: Repeated[] = [];
  readonly endings: string[] = [];
  reentered = false;
  #isCalling = false;

  message(bytes: Uint8Array): void {
    this.reentered ||= this.#isCalling;
    const byte = bytes[0]!;
    const isWhole = bytes.every((one) => one === byte) && bytes.byteLength === bytes.buffer.byteLength;
    this.messages.push({ byte: isWhole ? byte : -1, length: bytes.length });
  }

  closed(reason: string): void {
    this.reentered ||= this.#isCalling;
    this.endings.push(reason);
  }

  call(work: () => void): void {
    this.#isCalling = true;
    work();
    this.#isCalling = false;
  }
}

export const transportLab: Pick<Lab, "dial" | "send" | "hangUp" | "heard"> = {
  async dial(url, { maxMessageBytes, abortMs, handshakeTimeoutMs }) {
    const side = new Side();
    const signal = abortMs === undefined ? undefined : AbortSignal.timeout(abortMs);
    const options = handshakeTimeoutMs === undefined ? {} : { handshakeTimeoutMs };
    try {
      side.connection = await browserDial(url, options)(side, { maxMessageBytes, ...(signal && { signal }) });
    } catch (error) {
      return isSpinnError(error) ? `${error.code}: ${error.message}` : `${error}`;
    }
    return sides.push(side) - 1;
  },

  async send(number, messages) {
    const side = sides[number]!;
    side.call(() => {
      for (const { byte, length } of messages) side.connection.send(new Uint8Array(length).fill(byte));
    });
    return side.connection.bufferedBytes;
  },

  async hangUp(number, reason) {
    const side = sides[number]!;
    side.call(() => side.connection.close(reason));
    side.call(() => side.connection.close("again"));
  },

  async heard(number) {
    const { messages, endings, reentered, connection } = sides[number]!;
    return { messages, endings, reentered, bufferedBytes: connection.bufferedBytes };
  },
};
