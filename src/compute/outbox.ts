// Messages to another thread, several at once: what is said in one go is one message. Each takes a wake-up of the thread, which
// costs more than what it says.

export interface Envelope<M> {
  readonly message: M;
  /** Memory that is given away. */
  readonly transfer: readonly ArrayBuffer[];
}

/** What a thread's port does. */
type PostMessage<M> = (messages: readonly M[], transfer: ArrayBuffer[]) => void;

/**
 * @param failed hears of a message that cannot be posted; the others are
 * @returns posts a message, together with all others of the same turn
 */
export function outbox<M>(
  postMessage: PostMessage<M>,
  failed: (message: M, error: unknown) => void,
): (message: M, transfer: readonly ArrayBuffer[]) => void {
  let waiting: Envelope<M>[] = [];
  const send = (envelopes: readonly Envelope<M>[]): void => {
    try {
      postMessage(
        envelopes.map(({ message }) => message),
        envelopes.flatMap(({ transfer }) => transfer),
      );
    } catch (error) {
      if (envelopes.length > 1) for (const one of envelopes) send([one]);
      else failed(envelopes[0]!.message, error);
    }
  };
  const flush = (): void => {
    const envelopes = waiting;
    waiting = [];
    send(envelopes);
  };
  return (message, transfer) => {
    if (waiting.length === 0) queueMicrotask(flush);
    waiting.push({ message, transfer });
  };
}
