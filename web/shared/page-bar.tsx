// The bar on top of every page: whose page it is, how things stand, and where else to go.

import type { ComponentChildren, JSX } from "preact";

export interface PageBarProps {
  readonly title: string;
  /** How things stand. */
  readonly children?: ComponentChildren;
  readonly links: readonly { readonly text: string; readonly href: string }[];
}

export function PageBar({ title, children, links }: PageBarProps): JSX.Element {
  return (
    <header class="bar">
      <h1>
        <Logo /> {title}
      </h1>
      {children}
      <nav>
        {links.map(({ text, href }) => (
          <a key={href} href={href}>
            {text}
          </a>
        ))}
      </nav>
    </header>
  );
}

/** As icon.svg: slices of a network on the device, the split, the rest on the server. */
function Logo(): JSX.Element {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#17212b" />
      <rect x="5" y="8" width="6" height="16" rx="1.5" fill="#2fb5a8" />
      <rect x="13" y="11" width="6" height="10" rx="1.5" fill="#2fb5a8" opacity=".6" />
      <path d="M21.5 5v22" stroke="#fff" stroke-width="1.5" stroke-dasharray="2.5 2.5" />
      <rect x="24" y="13" width="4" height="6" rx="1.5" fill="#a48bff" />
    </svg>
  );
}
