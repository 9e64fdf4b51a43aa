// What the page's own server has: networks to run, and images to try them on.

/** The folder of the page. */
export const base: URL = new URL(".", globalThis.location.href);

export interface ServedNetwork {
  readonly name: string;
  /** Folder for `connect`. */
  readonly url: URL;
}

export interface Sample {
  readonly url: string;
  /** What is in it. */
  readonly label: string;
}

/** Where the server is dialled. */
export function dialUrl(): string {
  const url = new URL(base);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/** @throws {Error} one line that says what is wrong */
export async function listNetworks(): Promise<ServedNetwork[]> {
  const listed = (await fetchJson("api/models")) as readonly { readonly name: string; readonly hash: string }[];
  return listed.map(({ name, hash }) => ({ name, url: new URL(`models/${hash}/`, base) }));
}

/** @throws {Error} as {@link listNetworks} */
export async function listSamples(): Promise<Sample[]> {
  const listed = (await fetchJson("samples/index.json")) as readonly Sample[];
  return listed.map(({ url, label }) => ({ url: new URL(url.replace(/^\//, ""), base).href, label }));
}

async function fetchJson(path: string): Promise<unknown> {
  const response = await fetch(new URL(path, base));
  if (!response.ok) throw new Error(`The server answers ${response.status} to ${path}`);
  return await response.json();
}
