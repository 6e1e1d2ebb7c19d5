// What a world of test mode has kept: its journal, and the webhooks and mails that stayed in it. The newest first.

import { getWhole, send } from "../lib/api.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural, stampText } from "../lib/format.js";
import { readJson } from "../lib/json.js";
import { queryOf } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { reading, resource } from "../lib/store.js";
import { clock } from "../lib/test_mode.js";
import { act } from "./act.js";
import { choose, noMatch } from "./filters.js";
import { jsonView } from "./json_view.js";
import { happening } from "./moving.js";
import { panel } from "./panel.js";
import { emptyState, shown } from "./states.js";

const { button, code, div, li, p, span, ul } = el;
const SHOWN = 200;
export const KINDS = ["event", "step", "delivery", "mail", "fault", "request"]; // of lines of the journal
// Where it is read, the name of the list in the answer, the filter, and what stands there when there is nothing.
const LOOKS = {
  journal: { title: "Journal", path: "/test/journal", list: "lines", filter: "kind", label: "Kind", any: "all but requests", otherwise: KINDS.slice(0, -1).join(","), none: () => p("Nothing has happened since it was emptied.") },
  webhooks: { title: "Webhooks", path: "/test/inbox/webhooks", list: "webhooks", filter: "name", label: "Inbox", placeholder: "NAME of inbox.test/NAME", none: () => p("Webhooks whose address is ", code("https://inbox.test/NAME"), " are answered here and kept.") },
  mails: { title: "Mails", path: "/test/inbox/mails", list: "mails", filter: "to", label: "To", placeholder: "an address", none: () => p("No mail leaves in test mode: all are kept here.") },
};

export function kept(name) {
  const { title, path, list, filter, label, otherwise, none, ...look } = LOOKS[name], chosen = queryOf(filter), line = queryOf("line"), known = signal([]);
  const it = resource(async ending => {
    const { text } = await getWhole(path, { [filter]: chosen.value || otherwise }, { signal: ending }), { dropped, [list]: all } = JSON.parse(text);
    const bodies = list === "webhooks" ? bodiesOf(text) : [];
    // To choose from: what has been seen of it.
    if (list !== "lines") known.value = [...new Set([...known.peek(), ...all.map(one => one[filter])])].slice(0, SHOWN);
    return { dropped, all: all.map((one, n) => ({ ...one, body: bodies[n] })).slice(-SHOWN).reverse(), count: all.length };
  });
  reading(() => [chosen.value, clock.value?.now], it.read);
  const note = () => it.data.value && `${it.data.value.count > SHOWN ? `the newest ${SHOWN} of ${count(it.data.value.count)}` : plural(it.data.value.count, "line")}${it.data.value.dropped ? `; ${count(it.data.value.dropped)} older ones made room` : ""}`;
  let revealed = "";
  // The line that a link has named.
  function marked(one) {
    const node = LINES[list](one), n = String(one.n);
    if (line.value !== n) return node;
    node.setAttribute("aria-current", "true");
    if (revealed !== n) queueMicrotask(() => node.scrollIntoView({ block: "center" }));
    revealed = n;
    return node;
  }
  return { read: it.read, nodes: [
    div({ class: "filters" }, choose({ name: filter, label, ...look, isFree: list !== "lines", options: () => (list === "lines" ? KINDS : known.value).map(value => ({ value })) })),
    panel(title, { note, more: act({
      label: "Empty", icon: "trash", ask: `Forget ${list === "lines" ? "the journal" : `all ${list}`}?`, yes: "Forget", run: () => send("DELETE", path), after: it.read,
    }) },
    shown(it, () => () => ul({ class: "happened tall", tabindex: 0, "aria-label": title }, it.data.value.all.map(marked)), {
      what: `the ${name}`, isEmpty: () => !it.data.value.all.length, empty: () => (chosen.value ? noMatch({ [filter]: label }, { what: name === "journal" ? "lines" : name }) : emptyState("Nothing", none())),
    })),
  ] };
}

const time = it => span({ class: "quiet num nowrap" }, () => stampText(it.at));
// Opened below its line.
function opened(words, make) {
  const isOpen = signal(false);
  return [
    button({ type: "button", class: "btn link", "aria-expanded": () => isOpen.value, onclick: () => { isOpen.value = !isOpen.peek(); } }, words),
    either(() => isOpen.value, () => div({ class: "opened" }, make())),
  ];
}

const LINES = {
  lines: happening,
  webhooks: it => li(time(it), span({ class: "what" }, it.headers["X-Spooled-Event"] ?? it.name), span(`to ${it.name}`), span(`attempt ${it.attempt}`),
    span({ class: it.signature === "bad" ? "bad" : "" }, { good: "signed", bad: "wrong signature", none: "not signed" }[it.signature]), opened("Body", () => jsonView(it.body, { name: "Body" }))),
  mails: it => li(time(it), span({ class: "what" }, it.to), span(it.subject), it.code && span("code ", span({ class: "mono" }, it.code)), opened("Text", () => el.pre({ class: "code wrap", tabindex: 0, "aria-label": "Text", role: "region" }, it.text))),
};

// As they stand in the answer: parsing would round long numbers.
function bodiesOf(text) {
  const it = readJson(text), found = [];
  for (let n = 1; n < it.count; n++) {
    const { depth, key } = it.line(n);
    if (depth !== 3) continue;
    if (key === '"body"') found.push(it.span(n));
    n = it.endOf(n);
  }
  return found;
}
