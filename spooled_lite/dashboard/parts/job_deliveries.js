// What webhooks were told of one job, in the order of its life: what comes later stands below, and nothing moves.

import { get } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, shortId } from "../lib/format.js";
import { link, queryOf } from "../lib/router.js";
import { may, me } from "../lib/session.js";
import { batch, computed, effect } from "../lib/signal.js";
import { resource, rows } from "../lib/store.js";
import { columns, delivery, readDeliveries, sendAct } from "./deliveries.js";
import { panel } from "./panel.js";
import { shown } from "./states.js";
import { table } from "./table.js";

const { a, p, span } = el;
const READ_SECONDS = 30, SHOWN_MAX = 100, WORD = "webhooks:read";

// `completion`: the address that is called at the end of the job, or nothing.
export function jobDeliveries(id, { completion }) {
  const path = `/jobs/${id}`, opened = queryOf("open"), mayRead = computed(() => me.value && may(WORD));
  const load = async signal => (await readDeliveries(path, {}, signal)).reverse();
  const sent = rows(load, { isRead: false }), n = () => sent.ids.value.length;
  // Their names, for whoever may read all of them.
  const names = resource(async signal => new Map((await get("/outgoing-webhooks", {}, { signal })).map(it => [it.id, it])), { isRead: false });
  const hook = webhook => names.data.value?.get(webhook);

  async function refresh() {
    if (!mayRead.peek()) return;
    if (sent.data.peek() == null || sent.error.peek()) return sent.read();
    const found = await load();
    batch(() => {
      for (const it of found) sent.patch(it.id, it);
      sent.add(found);
    });
  }
  effect(() => { if (mayRead.value) sent.read(); });
  const isNamed = computed(() => n() > 0 && me.value && !me.value.queues.length);
  effect(() => { if (isNamed.value) names.read(); });
  every(READ_SECONDS, refresh);

  const to = webhook => (webhook ? a({ href: link(["webhooks", webhook]) }, () => hook(webhook)?.name ?? shortId(webhook)) : span("its completion webhook"));
  const again = (row, isSmall) => sendAct(row.webhook_id, row.id, { job: id, after: refresh, isSmall });
  const one = computed(() => (n() && opened.value ? sent.row(opened.value) : null));
  const node = either(() => (mayRead.value ? n() || completion() || sent.error.value : completion()), () => [
    () => one.value && delivery(one.value, { format: hook(one.value.peek().webhook_id)?.format, more: again(one.value.peek()) }),
    panel("Deliveries", { note: () => n() > 0 && (n() >= SHOWN_MAX ? `the newest ${n()}` : count(n())) },
      either(() => mayRead.value, () => shown(sent, () => table({
        of: sent, label: "Deliveries", group: "Deliveries",
        columns: columns({ opened, href: name => link(["jobs", id], { open: name }), to: row => to(row.peek().webhook_id), again: row => again(row.peek(), true) }),
      }), { what: "the deliveries", word: WORD, lines: 2, isEmpty: () => !n(), empty: () => p({ class: "pad quiet" }, "Nothing was sent yet: its completion webhook is called when it has completed, or is a dead letter.") }),
      () => p({ class: "pad quiet" }, `This key lacks ${WORD}.`))),
  ]);
  return { node, refresh };
}
