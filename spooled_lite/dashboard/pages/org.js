// The organization: what it uses of what it may, what it is called, and its end.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { bytes, count } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { me, signOut } from "../lib/session.js";
import { effect, signal } from "../lib/signal.js";
import { resource } from "../lib/store.js";
import { gated } from "../parts/act.js";
import { asCurl } from "../parts/curl.js";
import { form, textField, typed } from "../parts/form.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { shown } from "../parts/states.js";

const { dd, div, dl, dt, i, p, span } = el;
const READ_SECONDS = 30, ADMIN = ["organization:admin"], NEAR = 80;
const NAMES = { jobs_today: "Jobs today", active_jobs: "Active jobs", queues: "Queues", workers: "Workers", api_keys: "API keys", schedules: "Schedules", workflows: "Workflows", webhooks: "Webhooks" };
const FIELDS = [["name", "Name", { maxlength: 100 }], ["billing_email", "Email", { type: "email" }], ["description", "Description", { maxlength: 500 }], ["logo_url", "Picture", { type: "url", placeholder: "https://…", maxlength: 2048 }]];
const days = n => (n == null || n <= 0 ? "for ever" : n === 1 ? "1 day" : `${count(n)} days`);

export default function org() {
  const path = () => `/organizations/${encodeURIComponent(me.value?.organization_id ?? "me")}`;
  const it = resource(async ending => {
    if (!me.peek()) me.value = await get("/auth/me", {}, { signal: ending });
    return get(path(), {}, { signal: ending });
  });
  const usage = resource(ending => get("/organizations/usage", {}, { signal: ending }));
  const billing = resource(ending => get("/billing/status", {}, { signal: ending }));
  const read = () => (it.read(), usage.read(), billing.read());
  every(READ_SECONDS, read);
  keys("Organization", { r: ["Read again", read] });
  const remove = gated({ label: "Delete…", icon: "trash", kind: "danger", words: ADMIN, onclick: () => it.data.value && typed({
    title: `Delete ${it.data.value.name}?`, name: it.data.value.slug, verb: "Delete the organization", words: ADMIN,
    about: ["Its jobs, queues, workflows, schedules, webhooks and keys are deleted for good, and nobody can sign in to it any more.", usage.data.value && `It has ${count(usage.data.value.usage.queues.current)} queues and ${count(usage.data.value.usage.active_jobs.current)} jobs that are not done.`],
    run: () => send("DELETE", path()), done: "The organization is deleted", after: signOut,
  }) });
  return [
    head({ title: () => it.data.value?.name ?? "Organization", note: () => it.data.value && span({ class: "mono" }, it.data.value.slug), acts: [remove,
      asCurl(() => [["The organization", "GET", path()], ["What it uses", "GET", "/organizations/usage"], ["What was entered of a subscription", "GET", "/billing/status"]])] }),
    panel("Usage", { note: () => usage.data.value && `plan ${usage.data.value.plan_display_name}` }, shown(usage, () => [
      () => usage.data.value.warnings.map(each => p({ class: "pad" }, status(each.severity === "critical" ? "failed" : "retrying", each.message))),
      dl({ class: "facts pad bars" }, Object.entries(NAMES).map(([name, words]) => div(dt(words), dd(() => bar(usage.data.value.usage[name], words))))),
    ], { what: "what it uses", lines: 3 })),
    div({ class: "grid even" },
      panel("What it is called", {}, shown(it, () => change(it, path), { what: "the organization" })),
      panel("What it may", {}, shown(usage, () => () => limits(usage.data.value.limits, it.data.value, billing.data.value), { what: "its plan" }))),
  ];
}

function bar({ current, limit, percentage, is_disabled }, words) {
  const share = Math.min(100, percentage ?? 0), tone = share >= 100 ? "failed" : share >= NEAR ? "retrying" : "processing";
  return [
    div({ class: "row" }, span({ class: "num" }, count(current)), span({ class: "quiet num" }, is_disabled ? "not in this plan" : limit == null ? "no limit" : `of ${count(limit)}`)),
    limit == null || is_disabled ? null : div({ class: "bar long", role: "meter", "aria-label": words, "aria-valuemin": 0, "aria-valuemax": limit, "aria-valuenow": Math.min(current, limit), "data-s": tone }, i({ style: { "--part": `${share}%` } })),
  ];
}

// Changed fields only; what others change meanwhile stays.
function change(it, path) {
  const held = Object.fromEntries(FIELDS.map(([name]) => [name, signal("")]));
  let before = {};
  effect(() => {
    const now = it.data.value;
    for (const [name] of FIELDS) if (held[name].peek() === (before[name] ?? "")) held[name].value = now[name] ?? "";
    before = now;
  });
  const was = () => Object.fromEntries(FIELDS.map(([name]) => [name, it.data.peek()[name] ?? ""]));
  const changed = () => Object.fromEntries(FIELDS.map(([name]) => [name, held[name].value]).filter(([name, value]) => value !== (it.data.value[name] ?? "")));
  return div({ class: "pad" }, form({
    label: "Save", words: ADMIN, obstacle: () => (Object.keys(changed()).length ? null : "Nothing is changed"),
    run: async () => {
      const body = changed(), old = was();
      it.data.value = await send("PUT", path(), body);
      return Object.fromEntries(Object.keys(body).map(name => [name, old[name]]));
    },
    done: "Saved", undo: async old => {
      it.data.value = await send("PUT", path(), old);
      for (const name of Object.keys(old)) held[name].value = old[name];
    },
  }, FIELDS.map(([name, words, more]) => textField(words, held[name], more))));
}

const limits = (it, org, billing) => facts([
  ["Plan", it.display_name],
  ["Requests per second", it.rate_limit_requests_per_second == null ? "no limit" : `${count(it.rate_limit_requests_per_second)}, ${count(it.rate_limit_burst)} at once`],
  ["Largest payload", it.max_payload_size_bytes == null ? "as the server" : bytes(it.max_payload_size_bytes)],
  ["Ended jobs are kept", days(it.job_retention_days)], ["Histories are kept", days(it.history_retention_days)],
  org && ["Made", when(org.created_at)],
  org && ["Email", org.billing_email ? (org.billing_email_verified ? status("completed", "confirmed") : status("retrying", "not confirmed")) : "none"],
  billing?.stripe_subscription_status && ["Subscription", billing.stripe_subscription_status],
  billing?.stripe_customer_id && ["Customer", span({ class: "mono" }, billing.stripe_customer_id)],
]);
