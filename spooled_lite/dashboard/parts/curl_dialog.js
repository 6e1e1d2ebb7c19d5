// The calls behind a view or an act, and the address of the view, to copy.

import { curl } from "../lib/api.js";
import { nowMs, rangeMs, rangeOf } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { route, shared } from "../lib/router.js";
import { copy } from "./act.js";
import { openDialog } from "./dialog.js";
import { code } from "./panel.js";

const { button, div, p, span } = el;

const piece = (what, text) => div(div({ class: "row" }, span(what), button({ class: "btn link", onclick: () => copied(text) }, "Copy")), code(text, what));

export function openCurl(calls) {
  const { range = "" } = route.peek().query, fixed = rangeMs(range) && `${rangeOf(range).after}/${new Date(nowMs()).toISOString()}`;
  openDialog({
    title: "As a link, as curl", isLarge: true,
    body: close => [
      piece("This view, for others who may sign in", shared()),
      fixed && piece("The same with these times, also later", shared({ range: fixed })),
      p({ class: "quiet" }, "Put an API key into the variable SPOOLED_API_KEY first", calls.some(it => it[2].startsWith("/admin/")) && ", the admin key into SPOOLED_ADMIN_KEY", "."),
      calls.map(([what, method, path, rest]) => piece(what, curl(method, path, rest))),
      div({ class: "acts" }, button({ class: "btn", autofocus: "", onclick: close }, "Close")),
    ],
  });
}

async function copied(text) {
  if (await copy(text)) return;
  const node = [...document.querySelectorAll("dialog pre")].find(each => each.textContent === text);
  getSelection().selectAllChildren(node);
}
