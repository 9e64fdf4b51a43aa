// What a simulation is made of: a clock that jumps from event to event, and stations at which work waits its turn.

/** Events in the order of their times; of equal times in the order in which they were planned. */
export class Agenda {
  readonly #heap: Event[] = [];
  #planned = 0;
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** @param atMs not before now */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    let i = heap.push({ atMs, number: this.#planned++, run }) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && isBefore(heap[i]!, heap[parent]!); i = parent, parent = (i - 1) >> 1)
      swap(heap, i, parent);
  }

  /** Until nothing is left. */
  run(): void {
    for (let next = this.#pop(); next; next = this.#pop()) {
      this.#nowMs = next.atMs;
      next.run();
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (!first || !last || heap.length === 0) return first;
    heap[0] = last;
    for (let i = 0; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      let least = i;
      if (left < heap.length && isBefore(heap[left]!, heap[least]!)) least = left;
      if (right < heap.length && isBefore(heap[right]!, heap[least]!)) least = right;
      if (least === i) return first;
      swap(heap, i, least);
      i = least;
    }
  }
}

interface Event {
  readonly atMs: number;
  readonly number: number;
  readonly run: () => void;
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);

function swap(heap: Event[], i: number, j: number): void {
  [heap[i], heap[j]] = [heap[j]!, heap[i]!];
}

/** Work that a station does or has waiting. */
export interface Job {
  /** Gives it up, whether it waits or runs; nobody hears of its end. @returns milliseconds that it ran */
  cancel(): number;
}

interface Task {
  readonly durationMs: number;
  readonly done: () => void;
  state: "waiting" | "running" | "over";
  startedMs: number;
}

/** So many workers, first come, first served. */
export class Station {
  readonly #agenda: Agenda;
  readonly #waiting: Task[] = [];
  #idle: number;

  constructor(agenda: Agenda, workers: number) {
    this.#agenda = agenda;
    this.#idle = workers;
  }

  add(durationMs: number, done: () => void): Job {
    const task: Task = { durationMs, done, state: "waiting", startedMs: 0 };
    this.#waiting.push(task);
    this.#next();
    return { cancel: () => this.#cancel(task) };
  }

  #next(): void {
    const task = this.#idle > 0 ? this.#waiting.shift() : undefined;
    if (!task) return;
    this.#idle--;
    task.state = "running";
    task.startedMs = this.#agenda.nowMs;
    this.#agenda.at(this.#agenda.nowMs + task.durationMs, () => {
      if (task.state === "over") return;
      this.#end(task);
      task.done();
    });
  }

  #end(task: Task): void {
    task.state = "over";
    this.#idle++;
    this.#next();
  }

  #cancel(task: Task): number {
    const { state } = task;
    if (state === "waiting") this.#waiting.splice(this.#waiting.indexOf(task), 1);
    const ranMs = state === "running" ? this.#agenda.nowMs - task.startedMs : 0;
    if (state === "running") this.#end(task);
    task.state = "over";
    return ranMs;
  }
}
