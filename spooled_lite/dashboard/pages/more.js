// The rail as a page: what has no place in the dock of a phone.

import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { signOut } from "../lib/session.js";
import { head } from "../parts/panel.js";
import { isThere, PLACES } from "../parts/places.js";

const { nav, a, span, button } = el;

export default function more() {
  return [
    head({ title: "More" }),
    nav({ class: "panel menu", "aria-label": "All pages" },
      PLACES.filter(it => !it.isOnPhone).map(it => a({ hidden: () => !isThere(it), href: `#/${it.path}` }, icon(it.icon), span(it.label))),
      button({ onclick: signOut }, icon("out"), span("Sign out"))),
  ];
}
