// When a page should look at once whether its server is there: the network is back, the tab is in front again, the page was thawed.
// Timers alone are late then: they stood still, or ran once a minute.

import type { WakeUps } from "../engine/device-link.ts";

export const pageWakeUps: WakeUps = (listener) => {
  const controller = new AbortController();
  const { signal } = controller;
  const visible = (): void => {
    if (document.visibilityState === "visible") listener();
  };
  globalThis.addEventListener("online", listener, { signal });
  globalThis.addEventListener("pageshow", listener, { signal });
  document.addEventListener("visibilitychange", visible, { signal });
  document.addEventListener("resume", listener, { signal });
  return () => controller.abort();
};
