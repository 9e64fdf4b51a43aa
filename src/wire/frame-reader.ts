// Messages out of a stream of bytes that arrives in any pieces: each frame is a length in four bytes and a message.

import { invalidFrame } from "../codec/invalid-frame.ts";
import type { Message } from "./message.ts";
import { decodeMessage, defaultWireLimits, MAX_HELLO_BYTES, type WireLimits } from "./message-codec.ts";

const LENGTH_BYTES = 4;
const FIRST_ROOM = 1024;

/**
 * Fed with whatever arrives. The first message must be a short hello, or a refusal of the connection. Memory follows what has arrived, not what a length
 * announces. After an error the stream has lost its rhythm: every further call throws the same error.
 *
 * @example for (const message of reader.push(chunk)) handle(message);
 */
export class FrameReader {
  readonly #maxMessageBytes: number;
  readonly #length: Uint8Array = new Uint8Array(LENGTH_BYTES);
  #message: Uint8Array = new Uint8Array(0);
  /** Of the message under way; undefined while its length is not known. */
  #expected: number | undefined;
  /** Bytes of length or message that are there. */
  #held = 0;
  #saidHello = false;
  #failure: unknown;

  constructor(limits: WireLimits = {}) {
    this.#maxMessageBytes = limits.maxMessageBytes ?? defaultWireLimits.maxMessageBytes;
  }

  /**
   * @returns the messages that this piece completes; they share no memory with it
   * @throws {SpinnError} InvalidFrame when a frame is too long or malformed, or something else comes before a hello
   */
  push(piece: Uint8Array): Message[] {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      return this.#read(piece);
    } catch (error) {
      this.#failure = error;
      this.#message = new Uint8Array(0);
      throw error;
    }
  }

  /** The stream is over. @throws {SpinnError} InvalidFrame in the middle of a frame */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#held > 0 || this.#expected !== undefined) throw invalidFrame("frame", "the stream ends inside it");
  }

  #read(piece: Uint8Array): Message[] {
    const messages: Message[] = [];
    for (let at = 0; at < piece.length; ) {
      const wanted = (this.#expected ?? LENGTH_BYTES) - this.#held;
      const part = piece.subarray(at, at + wanted);
      at += part.length;
      if (this.#expected === undefined) {
        this.#length.set(part, this.#held);
        this.#held += part.length;
        if (this.#held === LENGTH_BYTES) this.#begin();
      } else {
        this.#keep(part);
        if (this.#held === this.#expected) messages.push(this.#complete());
      }
    }
    return messages;
  }

  /** The length is there: is it one we take? */
  #begin(): void {
    const length = new DataView(this.#length.buffer).getUint32(0, true);
    const limit = this.#saidHello ? this.#maxMessageBytes : MAX_HELLO_BYTES;
    if (length === 0 || length > limit) throw invalidFrame("frame", `its length ${length} is not from 1 to ${limit}`);
    this.#expected = length;
    this.#held = 0;
    this.#message = new Uint8Array(Math.min(length, FIRST_ROOM));
  }

  #keep(part: Uint8Array): void {
    const end = this.#held + part.length;
    if (end > this.#message.length) {
      const grown = new Uint8Array(Math.min(this.#expected!, Math.max(end, 2 * this.#message.length)));
      grown.set(this.#message.subarray(0, this.#held));
      this.#message = grown;
    }
    this.#message.set(part, this.#held);
    this.#held = end;
  }

  #complete(): Message {
    const message = decodeMessage(this.#message, { maxMessageBytes: this.#maxMessageBytes });
    const isRefusal = message.kind === "refuse" && message.id === 0;
    if (message.kind === "hello") this.#saidHello = true;
    else if (!this.#saidHello && !isRefusal) throw invalidFrame("frame", `${message.kind} came before hello`);
    this.#message = new Uint8Array(0);
    this.#expected = undefined;
    this.#held = 0;
    return message;
  }
}
