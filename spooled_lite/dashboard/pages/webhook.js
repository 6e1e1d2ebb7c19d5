// One webhook: what was sent, what was answered, send it again, and its signature computed here.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { go, link, queryOf } from "../lib/router.js";
import { computed, signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { columns, delivery, readDeliveries, sendAct } from "../parts/deliveries.js";
import { chips, noMatch } from "../parts/filters.js";
import { many } from "../parts/many.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";
import { LAST, openWebhook, path, sendAgain, switchAct, testAct } from "../parts/webhook_acts.js";

const { button, div, p, span } = el;
const READ_SECONDS = 30;

export default function webhook({ id }) {
  const it = resource(ending => get(path(id), {}, { signal: ending })), hook = () => it.data.value;
  const state = queryOf("status"), opened = queryOf("open"), selected = signal(new Set());
  const sent = rows(ending => readDeliveries(path(id), { status: state.peek() }, ending));
  const read = () => (it.read(), sent.read());
  reading(() => [state.value], sent.read);
  every(READ_SECONDS, read);

  const againMany = () => {
    const all = [...selected.peek()];
    many({
      title: n => `Send ${n} calls again?`, verb: "Send", noun: "call", done: n => `${n} sent again`,
      about: () => "They are sent one after the other, with the same bodies and ids.",
      count: async () => ({ matched: all.length, is_exact: true }),
      async step(_, at = 0) {
        const answer = await sendAgain(id, all[at]);
        return { done: answer.success ? 1 : 0, skipped: answer.success ? {} : { [`failed: ${answer.error ?? answer.status_code}`]: 1 }, cursor: at + 1 < all.length ? at + 1 : null };
      },
      after: () => { selected.value = new Set(); read(); },
    });
  };
  const edit = gated({ label: "Change", icon: "edit", words: ["webhooks:write"], obstacle: () => (hook() ? null : "It is not here"), onclick: () => openWebhook({ given: hook(), after: it.read }) });
  keys("This webhook", { r: ["Read again", read], e: ["Change", () => edit.click()] });

  const one = computed(() => (opened.value && sent.ids.value.includes(opened.value) ? sent.row(opened.value) : null));
  return [
    head({
      title: () => hook()?.name ?? "Webhook", note: () => hook() && span({ class: "mono" }, hook().url),
      acts: [either(() => hook(), () => [switchAct(hook, { after: it.read }), testAct(hook, { after: read })]), edit,
        act({ label: "Delete", icon: "trash", kind: "danger", words: ["webhooks:write"], ask: "Delete it and its deliveries?", yes: "Delete webhook", run: () => send("DELETE", path(id)), done: "Deleted", after: () => go("webhooks") }),
        asCurl(() => [["This webhook", "GET", path(id)], ["Its deliveries", "GET", `${path(id)}/deliveries`, { query: { status: state.value } }], ["Test it", "POST", `${path(id)}/test`]])],
    }),
    shown(it, () => panel(null, {}, () => facts([
      ["Last", hook().last_status ? status(...LAST[hook().last_status]) : hook().last_triggered_at ? "called" : "not called yet", hook().last_triggered_at && " ", hook().last_triggered_at && when(hook().last_triggered_at)],
      ["Failing in a row", hook().failure_count], ["Events", hook().events.join(", ")], ["Body", hook().format], ["Signed", hook().has_secret ? "yes" : "no: it has no secret"], ["Made", when(hook().created_at)],
    ])), { what: "this webhook", word: "webhooks:read", lines: 2 }),
    chips({ name: "status", label: "Result", options: () => [{ value: "", label: "All" }, { value: "success", label: "Accepted", tone: "completed" }, { value: "failed", label: "Failed", tone: "failed" }, { value: "pending", label: "Not yet", tone: "retrying" }] }),
    () => one.value && delivery(one.value, { format: hook()?.format, more: sendAct(id, one.value.peek().id, { after: read }) }),
    panel("Deliveries", { note: () => sent.data.value && (sent.ids.value.length >= 100 ? "the newest 100" : count(sent.ids.value.length)) },
      shown(sent, () => table({
        of: sent, label: "Deliveries", selected, group: "Deliveries",
        columns: columns({ opened, href: name => link(["webhooks", id], { status: state.value, open: name }), again: (_, name) => sendAct(id, name, { after: read, isSmall: true }) }),
      }), {
        what: "the deliveries", word: "webhooks:read", isEmpty: () => !sent.ids.value.length,
        empty: () => (state.value ? noMatch({ status: "Result" }, { what: "deliveries" }) : emptyState("Nothing was sent yet", p("Deliveries appear here when one of its events happens, or when you test it."))),
      })),
    either(() => selected.value.size, () => div({ class: "bulk", role: "group", "aria-label": "Selected" }, span(() => plural(selected.value.size, "delivery", "deliveries")),
      gated({ label: "Send again…", icon: "retry", words: ["webhooks:write"], onclick: againMany }), button({ class: "btn plain", onclick: () => { selected.value = new Set(); } }, "None"))),
  ];
}
