// The token that this server asks for, kept until the tab is closed, so that playground and console ask once. Never in a URL.

const KEY = "spinn-token";
/** Where the browser keeps nothing. */
let here = "";

/** Empty: there is none. */
export function keptToken(): string {
  try {
    return sessionStorage.getItem(KEY) ?? here;
  } catch {
    return here;
  }
}

export function keepToken(token: string): void {
  here = token;
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // it is asked for again after a reload
  }
}

/** Headers that prove who this is to the page's own server. */
export function tokenHeaders(): Readonly<Record<string, string>> {
  const token = keptToken();
  return token === "" ? {} : { Authorization: `Bearer ${token}` };
}
