// What the page's own server has: networks to run, and images to try them on.

import { RefusedError } from "../shared/refused-error.ts";
import { keptToken, tokenHeaders } from "../shared/token-store.ts";

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

/** @throws {RefusedError} where a token is asked for; {Error} one line that says what is wrong */
export async function listNetworks(): Promise<ServedNetwork[]> {
  const listed = (await fetchJson("api/models")) as readonly { readonly name: string; readonly hash: string }[];
  return listed.map(({ name, hash }) => ({ name, url: new URL(`models/${hash}/`, base) }));
}

/** @throws {Error} as {@link listNetworks} */
export async function listSamples(): Promise<Sample[]> {
  const listed = (await fetchJson("samples/index.json")) as readonly Sample[];
  const samples = listed.map(({ url, label }) => ({ url: new URL(url.replace(/^\//, ""), base).href, label }));
  // an <img> brings no token
  return keptToken() === "" ? samples : await Promise.all(samples.map(held));
}

/** The same, in the page's memory. */
async function held(sample: Sample): Promise<Sample> {
  const image = await fetchWith(sample.url);
  return { ...sample, url: URL.createObjectURL(await image.blob()) };
}

async function fetchJson(path: string): Promise<unknown> {
  const response = await fetchWith(new URL(path, base));
  return await response.json();
}

async function fetchWith(url: string | URL): Promise<Response> {
  const response = await fetch(url, { headers: tokenHeaders() });
  if (!response.ok) throw new RefusedError(response.status, new URL(url).pathname);
  return response;
}
