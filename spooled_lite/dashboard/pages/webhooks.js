// Where this server calls when something happens: each address, how it fares, on and off.

import { get } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { link } from "../lib/router.js";
import { rows } from "../lib/store.js";
import { gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { head, panel, when } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { LAST, openWebhook, switchAct, testAct } from "../parts/webhook_acts.js";

const { a, p, span } = el;
const READ_SECONDS = 30;

export default function webhooks() {
  const all = rows(ending => get("/outgoing-webhooks", {}, { signal: ending }));
  every(READ_SECONDS, all.read);
  const make = () => openWebhook({ after: all.read });
  const add = gated({ label: "New webhook", icon: "plus", kind: "main-act", words: ["webhooks:write"], onclick: make });
  keys("Webhooks", { r: ["Read again", all.read], n: ["New webhook", () => add.click()] });
  return [
    head({ title: "Webhooks", note: () => all.data.value && plural(all.ids.value.length, "address", "addresses"), acts: [
      asCurl(() => [["All webhooks", "GET", "/outgoing-webhooks"], ["A new one", "POST", "/outgoing-webhooks", { body: { name: "Failures", url: "https://hooks.example.org/spooled", events: ["job.failed"] } }]]), add] }),
    panel(null, { class: "acts-first" }, shown(all, () => table({
      of: all, label: "Webhooks", group: "Webhooks", nameOf: id => all.row(id).peek().name,
      columns: [
        { label: "Name", cell: (row, id) => a({ href: link(["webhooks", id]) }, () => row.value.name) },
        { label: "Address", class: "fill clip whole", cell: row => span({ class: "mono", title: () => row.value.url }, () => row.value.url) },
        { label: "Events", class: "hide", cell: row => () => span({ title: row.value.events.join(", ") }, row.value.events.length === 1 ? row.value.events[0] : plural(row.value.events.length, "event")) },
        { label: "Last", class: "second", cell: row => () => (row.value.last_status ? span({ class: "row" }, status(...LAST[row.value.last_status]), span({ class: "quiet" }, when(row.value.last_triggered_at))) : span({ class: "quiet" }, row.value.last_triggered_at ? ["called ", when(row.value.last_triggered_at)] : "not called yet")) },
        { label: "Failing in a row", class: "num hide", cell: row => () => count(row.value.failure_count) },
        { label: "On", class: "acts-cell", cell: row => span({ class: "row" }, switchAct(() => row.value, { after: all.read }), testAct(() => row.value, { after: all.read, isSmall: true })) },
      ],
    }), {
      what: "the webhooks", word: "webhooks:read", isEmpty: () => !all.ids.value.length,
      empty: () => emptyState("No webhooks yet", p("A webhook calls an address of yours when something happens here, and goes on trying when it does not answer."),
        gated({ label: "New webhook", icon: "plus", words: ["webhooks:write"], onclick: make })),
    })),
  ];
}
