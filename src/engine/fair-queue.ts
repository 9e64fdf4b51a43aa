// Who is next where many clients wait: each gets the same share of the server's time, however much it asks for, and within its share
// the most urgent comes first. A short form of EEVDF (Stoica, Abdel-Wahab 1995), as Linux shares out its processors.

export interface Waiting {
  /** Shares are between clients. */
  readonly client: string;
  /** What it will take of the server's time, in any unit that is the same for all; positive. */
  readonly cost: number;
  /** Of the same clock for all; infinite when there is none. */
  readonly deadlineAtMs: number;
}

interface Client<T> {
  readonly name: string;
  /** What it has had, on the queue's clock of service. */
  served: number;
  /** In the order of their arrival. */
  readonly waiting: T[];
  /** Cost of all that waits. */
  work: number;
}

/** Clients without anything that waits are remembered as long as they have had more than their share, and so many longer. */
const SPARE_CLIENTS = 64;

export class FairQueue<T extends Waiting> {
  readonly #clients = new Map<string, Client<T>>();
  /** Those with something that waits. */
  readonly #waiting = new Set<Client<T>>();
  /** Of these, whoever may be next; used by `take` alone, which is called too often to make a new one. */
  readonly #candidates: Client<T>[] = [];
  /** What whoever was taken last had had by then: newcomers begin here, with neither debts nor savings. */
  #now = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    let client = this.#clients.get(item.client);
    if (!client) {
      client = { name: item.client, served: this.#now, waiting: [], work: 0 };
      this.#clients.set(item.client, client);
    }
    if (client.waiting.length === 0) client.served = Math.max(client.served, this.#now);
    client.waiting.push(item);
    this.#waiting.add(client);
    client.work += item.cost;
    this.#length++;
  }

  /** Does anything of this client's wait? */
  has(name: string): boolean {
    return (this.#clients.get(name)?.waiting.length ?? 0) > 0;
  }

  /**
   * What will be taken before an item that comes now: of each client as much as of its own, which is served as fast.
   *
   * @param cost of the item
   */
  costBefore(name: string, cost: number): number {
    const own = this.#clients.get(name)?.work ?? 0;
    let sum = own;
    for (const client of this.#waiting) if (client.name !== name) sum += Math.min(client.work, own + cost);
    return sum;
  }

  /**
   * Of all clients that have not had more than their share, the most urgent item; of equally urgent ones that of the client that had
   * least.
   *
   * @param mayTake of which clients; of all by default
   */
  take(mayTake: (client: string) => boolean = () => true): T | undefined {
    const candidates = this.#candidates;
    candidates.length = 0;
    let served = 0;
    for (const client of this.#waiting) {
      if (!mayTake(client.name)) continue;
      candidates.push(client);
      served += client.served;
    }
    if (candidates.length === 0) return undefined;
    const share = served / candidates.length;
    let [chosen, place] = [candidates[0]!, -1];
    for (const client of candidates) {
      // of a single client the mean may be rounded to less than what it is the mean of
      if (client.served > share && candidates.length > 1) continue;
      const most = mostUrgent(client.waiting);
      if (place >= 0 && !isBefore(client, most, chosen, place)) continue;
      chosen = client;
      place = most;
    }
    const item = this.#takeOut(chosen, Math.max(0, place));
    this.#now = Math.max(this.#now, chosen.served);
    chosen.served += item.cost;
    this.#forget();
    return item;
  }

  /** @returns whether it was there */
  remove(item: T): boolean {
    const client = this.#clients.get(item.client);
    const place = client?.waiting.indexOf(item) ?? -1;
    if (place < 0) return false;
    this.#takeOut(client!, place);
    return true;
  }

  /** All that waits, taken out. */
  drain(): T[] {
    const items = [...this.#clients.values()].flatMap(({ waiting }) => waiting);
    this.#clients.clear();
    this.#waiting.clear();
    this.#length = 0;
    return items;
  }

  #takeOut(client: Client<T>, place: number): T {
    const [item] = client.waiting.splice(place, 1);
    client.work -= item!.cost;
    if (client.waiting.length === 0) this.#waiting.delete(client);
    this.#length--;
    return item!;
  }

  #forget(): void {
    if (this.#clients.size <= this.#waiting.size + SPARE_CLIENTS) return;
    for (const [name, client] of this.#clients) {
      if (client.waiting.length === 0 && client.served <= this.#now) this.#clients.delete(name);
    }
  }
}

/** Of equally urgent ones the first that came. */
function mostUrgent(items: readonly Waiting[]): number {
  let best = 0;
  for (let i = 1; i < items.length; i++) if (items[i]!.deadlineAtMs < items[best]!.deadlineAtMs) best = i;
  return best;
}

function isBefore<T extends Waiting>(a: Client<T>, i: number, b: Client<T>, j: number): boolean {
  const [one, other] = [a.waiting[i]!.deadlineAtMs, b.waiting[j]!.deadlineAtMs];
  return one < other || (one === other && a.served < b.served);
}
