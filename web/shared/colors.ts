// The theme's colors for what CSS does not reach: canvases.

export type ThemeColor = "ink" | "ink-soft" | "line" | "panel" | "device" | "server" | "accent" | "bad" | "good";

/** As the page shows it now; custom properties themselves still hold both themes. */
export function themeColor(name: ThemeColor): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Calls back when the theme changes. @returns what ends that */
export function onThemeChange(changed: () => void): () => void {
  const query = matchMedia("(prefers-color-scheme: dark)");
  query.addEventListener("change", changed);
  return () => query.removeEventListener("change", changed);
}
