// What others sent here: addresses, the token, the secrets of providers, and what became a job.

import { get, getWhole, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { shortId } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { memberOf } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { link, queryOf } from "../lib/router.js";
import { me } from "../lib/session.js";
import { signal } from "../lib/signal.js";
import { reading, resource, rows } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { openDialog } from "../parts/dialog.js";
import { chips, noMatch } from "../parts/filters.js";
import { checkField, form, textField, typed } from "../parts/form.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { copyButton, secret } from "../parts/secret.js";
import { emptyState, shown } from "../parts/states.js";
import { table } from "../parts/table.js";

const { a, p, span } = el;
const READ_SECONDS = 30, ADMIN = ["organization:admin"];
const RESULTS = { created: ["completed", "made a job"], duplicate: ["pending", "had made one before"] };

export default function inbound() {
  const state = queryOf("status"), queue = queryOf("queue");
  const token = resource(ending => get("/organizations/webhook-token", {}, { signal: ending }));
  const came = rows(ending => get("/webhooks/deliveries", { status: state.peek(), queue_name: queue.peek(), limit: 100 }, { signal: ending }));
  reading(() => [state.value, queue.value], came.read);
  every(READ_SECONDS, came.read);
  keys("Inbound", { r: ["Read again", came.read] });

  const renew = gated({ label: "New token…", icon: "retry", words: ADMIN, onclick: () => typed({
    title: "A new token?", name: "new token", verb: "Make a new token", words: ADMIN, about: ["Calls with the old one are refused from then on."],
    run: () => send("POST", "/organizations/webhook-token/regenerate"), done: "There is a new token", after: token.read,
  }) });
  const address = provider => new URL(token.data.value.webhook_url.replace(/custom$/, provider)).href;
  const line = provider => span({ class: "row" }, span({ class: "mono" }, address(provider)), copyButton(() => address(provider), { name: `address for ${provider}` }));
  return [
    head({ title: "Inbound", note: "calls from other services, each of which creates a job", acts: [asCurl(() => [["What came in", "GET", "/webhooks/deliveries", { query: { status: state.value } }], ["Send one", "POST", `/webhooks/${me.value?.organization_id}/custom`, { body: { queue_name: "orders", payload: { order: 7 } } }]])] }),
    panel("Addresses", { more: [secrets(), renew] }, shown(token, () => () => facts([
      ["Anyone, with the token", line("custom")], ["GitHub", line("github")], ["Stripe", line("stripe")],
      ["Token, sent as X-Webhook-Token", secret(token.data.value.webhook_token, { name: "Token" })],
      ["Token made", when(token.data.value.created_at)],
    ], "broad"), { what: "the addresses", word: "organization:read", lines: 3 })),
    chips({ name: "status", label: "Result", options: () => [{ value: "", label: "All" }, ...Object.entries(RESULTS).map(([value, [tone, words]]) => ({ value, label: words[0].toUpperCase() + words.slice(1), tone }))] }),
    panel("What came in", { note: () => (came.ids.value.length >= 100 ? "the newest 100" : "") }, shown(came, () => table({
      of: came, label: "What came in", group: "What came in",
      columns: [
        { label: "From", cell: row => row.peek().provider },
        { label: "Event", class: "fill clip", cell: row => span({ title: row.peek().event_type }, row.peek().event_type) },
        { label: "Result", class: "whole", cell: row => status(...(RESULTS[row.peek().status] ?? ["warn", row.peek().status ?? "unknown"])) },
        { label: "Queue", class: "hide", cell: row => row.peek().matched_queue && a({ href: link(["queues", row.peek().matched_queue]) }, row.peek().matched_queue) },
        { label: "Job", class: "second", cell: row => row.peek().job_id && a({ class: "mono", href: link(["jobs", row.peek().job_id]) }, shortId(row.peek().job_id)) },
        { label: "Came", class: "num second", cell: row => when(row.peek().created_at) },
      ],
    }), {
      what: "what came in", word: "webhooks:read", isEmpty: () => !came.ids.value.length,
      empty: () => (state.value || queue.value ? noMatch({ status: "Result", queue: "Queue" }, { what: "webhooks" }) : emptyState("Nothing came in yet", p("Give one of the addresses above to GitHub, Stripe or a script of yours: each call makes a job."))),
    })),
  ];
}

// They are written, and never read.
const secrets = () => gated({ label: "Secrets…", icon: "lock", words: ADMIN, onclick: () => {
  const github = signal(""), stripe = signal(""), noGithub = signal(false), noStripe = signal(false);
  const id = encodeURIComponent(me.peek().organization_id);
  const save = async () => {
    const { text } = await getWhole(`/organizations/${id}`), kept = memberOf(text, "settings") ?? "{}";
    const given = [["github_webhook_secret", github, noGithub], ["stripe_webhook_secret", stripe, noStripe]]
      .filter(([, value, gone]) => value.peek() || gone.peek()).map(([name, value, gone]) => `${JSON.stringify(name)}:${JSON.stringify(gone.peek() ? null : value.peek())}`);
    const rest = kept.trim().slice(1, -1).trim();
    return send("PUT", `/organizations/${id}`, `{"settings":{${[...given, ...(rest ? [rest] : [])].join(",")}}}`);
  };
  openDialog({ title: "Secrets of providers", body: close => form({ label: "Save", words: ADMIN, run: save, done: "The secrets are saved", after: close, onCancel: close },
    p({ class: "quiet" }, "They are used to check calls from GitHub and Stripe, and never shown again. An empty field keeps its secret."),
    textField("GitHub", github, { type: "password", autocomplete: "new-password", autofocus: "" }), checkField("Remove it", noGithub),
    textField("Stripe", stripe, { type: "password", autocomplete: "new-password" }), checkField("Remove it", noStripe)) });
} });
