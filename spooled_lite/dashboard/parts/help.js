// The shortcuts that work here and now.

import { el } from "../lib/dom.js";
import { known } from "../lib/keys.js";
import { hasKeys } from "../lib/prefs.js";
import { openDialog } from "./dialog.js";

const { div, h3, dl, dt, dd, kbd, button, p, label, input } = el;

export function openHelp() {
  const groups = new Map();
  for (const { group, table } of known.peek()) groups.set(group, { ...groups.get(group), ...table });
  openDialog({
    title: "Keyboard", isLarge: true,
    body: close => [
      div({ class: "grid even" }, [...groups].toReversed().map(([group, table]) => div(h3(group),
        dl({ class: "shortcuts" }, Object.entries(table).map(([key, [text]]) => div(dt(key.split(" ").map(each => kbd(each))), dd(text))))))),
      p(label(input({ type: "checkbox", checked: hasKeys, onchange: event => { hasKeys.value = event.target.checked; } }), " Shortcuts of a single key")),
      div({ class: "acts" }, button({ class: "btn", autofocus: "", onclick: close }, "Close")),
    ],
  });
}
