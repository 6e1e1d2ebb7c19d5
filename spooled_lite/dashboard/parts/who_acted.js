// What people did to one job, read when it is opened: GET /acts. Creating, claiming and settling are in its life.

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { link } from "../lib/router.js";
import { may, me } from "../lib/session.js";
import { resource } from "../lib/store.js";
import { panel, when } from "./panel.js";
import { shown } from "./states.js";

const { a, bdi, details, li, p, span, summary, ul } = el;
const WORD = "organization:read", SHOWN_MAX = 50;
const ACTS = { retry: "retried it", cancel: "cancelled it", priority: "changed its priority", set_priority: "changed its priority", add_parents: "made it wait for others", run_now: "let it run at once", delete: "deleted it" };

export function whoActed(id) {
  const acts = resource(signal => get("/acts", { subject: id, kind: "job", limit: SHOWN_MAX }, { signal }), { isRead: false });
  const obstacle = () => (!me.value ? null : !may(WORD) ? `This key lacks ${WORD}.` : me.value.queues.length ? "A key for some queues may not read it." : null);
  let isOpen = false;
  const read = () => isOpen && !obstacle() && acts.read();
  const line = it => li({ class: "pad ruled" }, a({ href: link("acts", { key: it.key_id }) }, bdi(it.key_name)), " ", ACTS[it.act] ?? `did “${it.act.replaceAll("_", " ")}” to it`, ", ", when(it.at), it.reason && span({ class: "quiet" }, `: ${it.reason}`));
  return {
    read,
    node: panel(null, {}, details({ ontoggle: event => { isOpen = event.target.open; read(); } }, summary({ class: "pad" }, "Who did what to it"),
      () => (obstacle() ? p({ class: "pad quiet" }, obstacle()) : shown(acts, () => ul(() => acts.data.value.map(line)), {
        what: "the acts", word: WORD, lines: 2, isEmpty: () => !acts.data.value.length,
        empty: () => p({ class: "pad quiet" }, "Nobody acted on it alone. What was done to many at once stands under Acts."),
      })))),
  };
}
