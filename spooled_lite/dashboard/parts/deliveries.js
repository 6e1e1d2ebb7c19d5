// Deliveries, of a webhook or of a job: a table of them, and one with what was sent and what came back.
//
//   const sent = rows(ending => readDeliveries(path, query, ending))      `sent`: the body to the byte
//   table({ of: sent, columns: columns({ href: id => link(…), opened, again }) })
//   delivery(row, { format, more })                                       a panel

import { getWhole } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { plural, shortId, span as duration } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { membersOf } from "../lib/json.js";
import { setQuery } from "../lib/router.js";
import { me } from "../lib/session.js";
import { act } from "./act.js";
import { jsonView, textView } from "./json_view.js";
import { panel, when } from "./panel.js";
import { LAST, openCheck, sendAgain } from "./webhook_acts.js";

const { a, button, div, p, span } = el;
const ANSWER_CHARS = 500;

export async function readDeliveries(path, query, signal) {
  const answer = await getWhole(`${path}/deliveries`, query, { signal }), bodies = membersOf(answer.text, "payload");
  return JSON.parse(answer.text).map((each, n) => ({ ...each, sent: bodies[n] }));
}

export const sendAct = (webhook, id, { job, after, isSmall = false }) => act({
  label: "Send again", icon: "retry", words: ["webhooks:write"], isSmall, name: `Send ${shortId(id)} again`, after,
  obstacle: () => (webhook && me.value?.queues.length ? "A key for some queues may not do this" : null),
  run: () => sendAgain(webhook, id, job), done: answer => answer.message,
});

// `to`: a column before the event; `again` gives the button at the end of a line.
export const columns = ({ href, opened, again, to }) => [
  { label: "Result", cell: row => () => status(...LAST[row.value.status]) },
  { label: "Delivery", class: "second", cell: (row, id) => [a({ class: "mono", "aria-current": () => (opened.value === id ? "true" : null), href: () => href(id) }, shortId(id)), span({ class: "on-card quiet" }, " · ", row.peek().event)] },
  ...(to ? [{ label: "To", class: "whole", cell: to }] : []),
  { label: "Event", class: "hide", cell: row => row.peek().event },
  { label: "Answer", class: "fill clip whole", cell: row => () => span({ class: row.value.status === "success" ? "quiet" : "bad" }, [row.value.status_code, row.value.error].filter(Boolean).join(" · ") || "–") },
  { label: "Calls", class: "num hide", cell: row => () => row.value.attempts },
  { label: "Took", class: "num hide", cell: row => () => duration(row.value.duration) },
  { label: "Made", class: "num", cell: row => when(row.peek().created_at) },
  { label: "Send again", isUnsaid: true, class: "acts-cell", cell: again },
];

// What was sent, and what came back.
export function delivery(row, { format = "json", more }) {
  const it = row.value;
  return panel(`Delivery ${shortId(it.id)}`, {
    note: [status(...LAST[it.status]), " ", it.event, ", ", plural(it.attempts, "call"), " ", when(it.delivered_at ?? it.created_at)],
    more: [more, button({ class: "btn", onclick: () => openCheck(format === "json" ? it.sent : "") }, icon("key"), "Check it yourself"),
      button({ class: "btn plain only", "aria-label": "Close", onclick: () => setQuery({ open: null }) }, icon("close"))],
  },
  div({ class: "grid even" },
    div(p({ class: "pad quiet small" }, "Sent", format === "json" ? "" : ` (as a message for ${format}; the data it is made from is below)`),
      it.values_omitted ? p({ class: "pad" }, "It is too large for this list.") : jsonView(it.sent ?? "null", { name: "Sent body" })),
    div(p({ class: "pad quiet small" }, it.status_code ? `Answered ${it.status_code} in ${duration(it.duration)}` : it.error ?? "No answer yet"),
      it.response_body ? textView(it.response_body.slice(0, ANSWER_CHARS), { name: "Answer" }) : p({ class: "pad quiet" }, "The answer had no body."))));
}
