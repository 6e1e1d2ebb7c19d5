// The organization: what it uses of what it may, what it is called, and its end.

import { get, send } from "../lib/api.js";
import { every } from "../lib/clock.js";
import { el } from "../lib/dom.js";
import { bytes, count } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { me, signOut } from "../lib/session.js";
import { resource } from "../lib/store.js";
import { gated } from "../parts/act.js";
import { changeForm } from "../parts/change_form.js";
import { asCurl } from "../parts/curl.js";
import { textField, typed } from "../parts/form.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { shown } from "../parts/states.js";
import { usageBars } from "../parts/usage.js";

const { div, span } = el;
const READ_SECONDS = 30, ADMIN = ["organization:admin"];
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
      asCurl(() => [["The organization", "GET", path()], ["What it uses", "GET", "/organizations/usage"], ["Subscription, as entered by an administrator", "GET", "/billing/status"]])] }),
    panel("Usage", { note: () => usage.data.value && `plan ${usage.data.value.plan_display_name}` }, shown(usage, () => usageBars(() => usage.data.value), { what: "what it uses", lines: 3 })),
    div({ class: "grid even" },
      panel("What it is called", {}, shown(it, () => change(it, path), { what: "the organization" })),
      panel("Its plan and limits", {}, shown(usage, () => () => limits(usage.data.value.limits, it.data.value, billing.data.value), { what: "its plan" }))),
  ];
}

// Changed fields only, as they are typed; an empty text clears.
const change = (it, path) => changeForm({
  of: it, words: ADMIN, textsOf: org => Object.fromEntries(FIELDS.map(([name]) => [name, org[name] ?? ""])),
  save: texts => send("PUT", path(), texts), fields: FIELDS.map(([name, words, more]) => [name, held => textField(words, held, more)]),
});

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
