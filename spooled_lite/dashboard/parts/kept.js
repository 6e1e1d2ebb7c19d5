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
import { chips } from "./filters.js";
import { jsonView } from "./json_view.js";
import { happening } from "./moving.js";
import { panel } from "./panel.js";
import { emptyState, shown } from "./states.js";

const { button, code, li, p, span, ul } = el;
const SHOWN = 200;
const LOOKS = {
  "": ["Journal", "/test/journal", "lines", { kind: "event,step,delivery,mail" }],
  requests: ["Requests", "/test/journal", "lines", { kind: "request" }],
  webhooks: ["Webhooks", "/test/inbox/webhooks", "webhooks", {}],
  mails: ["Mails", "/test/inbox/mails", "mails", {}],
};

export function kept() {
  const look = queryOf("kept"), at = () => LOOKS[look.value] ?? LOOKS[""];
  const it = resource(async ending => {
    const [, path, name, query] = at(), { text } = await getWhole(path, query, { signal: ending }), { dropped, [name]: all } = JSON.parse(text);
    const bodies = name === "webhooks" ? bodiesOf(text) : [];
    return { name, dropped, all: all.map((one, n) => ({ ...one, body: bodies[n] })).slice(-SHOWN).reverse(), count: all.length };
  });
  reading(() => [look.value, clock.value?.now], it.read);
  const note = () => it.data.value && `${it.data.value.count > SHOWN ? `the newest ${SHOWN} of ${count(it.data.value.count)}` : plural(it.data.value.count, "line")}${it.data.value.dropped ? `; ${count(it.data.value.dropped)} older ones made room` : ""}`;
  return { read: it.read, panel: panel("What was kept", { note, more: act({
    label: "Empty", icon: "trash", ask: () => `Forget ${at()[1].endsWith("journal") ? "the journal" : `all ${at()[2]}`}?`, yes: "Forget", run: () => send("DELETE", at()[1]), after: it.read,
  }) },
  el.div({ class: "pad" }, chips({ name: "kept", label: "What was kept", options: () => Object.entries(LOOKS).map(([value, [label]]) => ({ value, label })) })),
  shown(it, () => () => ul({ class: "happened", tabindex: 0, "aria-label": "What was kept" }, it.data.value.all.map(one => LINES[it.data.value.name](one))), {
    what: "what was kept", isEmpty: () => !it.data.value.all.length,
    empty: () => emptyState("Nothing", look.value === "webhooks" ? p("Webhooks whose address is ", code("https://inbox.test/NAME"), " are answered here and kept.") : p(look.value === "mails" ? "No mail leaves in test mode: all are kept here." : "Nothing has happened since it was emptied.")),
  })) };
}

const time = it => span({ class: "quiet num nowrap" }, () => stampText(it.at));
// Opened below its line.
function opened(words, make) {
  const isOpen = signal(false);
  return [
    button({ type: "button", class: "btn link", "aria-expanded": () => isOpen.value, onclick: () => { isOpen.value = !isOpen.peek(); } }, words),
    either(() => isOpen.value, () => el.div({ class: "opened" }, make())),
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
