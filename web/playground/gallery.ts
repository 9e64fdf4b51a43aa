// The images that can be run: the server's samples and the user's own.

import { type Signal, signal } from "@preact/signals";
import type { Sample } from "./server.ts";

export interface Picture {
  readonly id: number;
  readonly url: string;
  /** What it is called where nothing else can be said. */
  readonly name: string;
  /** What is in it, where somebody knows. */
  readonly label?: string;
}

/** Their memory is the page's. */
const MAX_OWN = 40;

export class Gallery {
  readonly pictures: Signal<readonly Picture[]> = signal<readonly Picture[]>([]);
  readonly current: Signal<Picture | undefined> = signal<Picture | undefined>(undefined);
  readonly #blobs = new Map<number, Promise<Blob>>();
  #lastId = 0;

  addSamples(samples: readonly Sample[]): void {
    const pictures = samples.map(({ url, label }, i) => ({ id: ++this.#lastId, url, label, name: `Sample ${i + 1}` }));
    this.pictures.value = [...this.pictures.value, ...pictures];
    this.current.value ??= pictures[0];
  }

  /** Files that are images come first in the gallery. @returns those that were added, and how many were no images */
  addFiles(files: Iterable<File>): { readonly added: readonly Picture[]; readonly refused: number } {
    const all = [...files];
    const images = all.filter(({ type }) => type.startsWith("image/"));
    const added = images.map((file): Picture => {
      const picture = { id: ++this.#lastId, url: URL.createObjectURL(file), name: file.name || "Pasted image" };
      this.#blobs.set(picture.id, Promise.resolve(file));
      return picture;
    });
    const isOwn = ({ label }: Picture): boolean => label === undefined;
    const own = [...added, ...this.pictures.value.filter(isOwn)];
    for (const { id, url } of own.slice(MAX_OWN)) {
      URL.revokeObjectURL(url);
      this.#blobs.delete(id);
    }
    this.pictures.value = [...own.slice(0, MAX_OWN), ...this.pictures.value.filter((one) => !isOwn(one))];
    if (added[0]) this.current.value = added[0];
    return { added, refused: all.length - images.length };
  }

  /** The one after the present one, around. */
  next(): Picture | undefined {
    const { value } = this.pictures;
    const at = value.findIndex(({ id }) => id === this.current.value?.id);
    this.current.value = value[(at + 1) % value.length];
    return this.current.value;
  }

  /** @throws {Error} when it cannot be downloaded */
  blobOf({ id, url }: Picture): Promise<Blob> {
    const kept = this.#blobs.get(id);
    if (kept) return kept;
    const blob = download(url);
    this.#blobs.set(id, blob);
    blob.catch(() => this.#blobs.delete(id));
    return blob;
  }
}

async function download(url: string): Promise<Blob> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The server answers ${response.status} to ${url}`);
  return await response.blob();
}
