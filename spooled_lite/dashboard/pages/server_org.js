// One organization, as the administrator of the server sees and changes it.

import { adminGet, adminGetWhole, adminSend } from "../lib/admin.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { memberOf } from "../lib/json.js";
import { keys } from "../lib/keys.js";
import { go, link } from "../lib/router.js";
import { me } from "../lib/session.js";
import { resource } from "../lib/store.js";
import { act, gated } from "../parts/act.js";
import { forgetButton, gate, withAdmin } from "../parts/admin_gate.js";
import { changeForm } from "../parts/change_form.js";
import { asCurl } from "../parts/curl.js";
import { selectField, textField, typed } from "../parts/form.js";
import { openKey } from "../parts/key_form.js";
import { CLOSED, planText } from "../parts/orgs_table.js";
import { facts, head, panel, when } from "../parts/panel.js";
import { LIMITS } from "../parts/server_tables.js";
import { shown } from "../parts/states.js";
import { usageBars } from "../parts/usage.js";

const { a, div, p, span, strong } = el;
const READ_SECONDS = 30;
const FIELDS = [["name", "Name", { maxlength: 100 }], ["billing_email", "Email", { type: "email" }],
  ["stripe_customer_id", "Payment customer", { maxlength: 255 }], ["stripe_subscription_id", "Payment subscription", { maxlength: 255 }], ["stripe_subscription_status", "Subscription status", { maxlength: 255 }]];
const MAY_BE_UNLIMITED = name => name.startsWith("max_") && name !== "max_payload_size_bytes";
const UNLIMITED = "none";
const UNITS = { max_payload_size_bytes: ", in bytes", job_retention_days: ", in days", history_retention_days: ", in days" };

export default function serverOrg({ id }) {
  const path = `/admin/organizations/${encodeURIComponent(id)}`;
  return withAdmin(() => opened(id, path), () => [head({ title: "Organization" }), gate()]);
}

function opened(id, path) {
  const org = resource(ending => adminGet(path, {}, { signal: ending }));
  const plans = resource(ending => adminGet("/admin/plans", {}, { signal: ending }));
  every(READ_SECONDS, org.read);
  keys("Organization", { r: ["Read again", org.read] });
  const it = () => org.data.value, isClosed = () => it()?.plan_tier === CLOSED, isMine = () => id === me.value?.organization_id;
  const none = () => (it() ? null : "It has not been read");
  // Its counts do not come with the answer to a change.
  const change = async body => ({ ...org.data.peek(), ...(await adminSend("PATCH", path, body)) });
  const turn = async is_active => { org.data.value = await change({ is_active }); };

  const acts = [
    gated({ label: "New key", icon: "plus", obstacle: () => none() ?? (isClosed() ? "It is closed" : null), onclick: () => openKey({ after: org.read, make: body => adminSend("POST", `${path}/api-keys`, body) }) }),
    act({ label: "Reset usage", icon: "retry", obstacle: none, ask: () => `Set its ${plural(it().usage.jobs_today, "job")} of today to 0?`, yes: "Reset", run: () => adminSend("POST", `${path}/reset-usage`), done: "Its jobs of today are 0", after: org.read }),
    act({ label: () => (it()?.is_active === false ? "Switch on" : "Switch off"), icon: () => (it()?.is_active === false ? "play" : "pause"), obstacle: () => none() ?? (isMine() ? "You are signed in to it" : null),
      run: async () => { const was = it().is_active; await turn(!was); return was; }, done: was => (was ? "It is off: its keys are refused" : "It is on"), undo: turn }),
    either(() => !isClosed(), () => act({ label: "Close", icon: "lock", kind: "danger", obstacle: none, ask: () => `Close it? Its keys and tokens stop working at once; its data is kept.${isMine() ? " You are signed in to it." : ""}`, yes: "Close it", run: () => adminSend("DELETE", path), done: "It is closed", after: org.read })),
    gated({ label: "Delete…", icon: "trash", kind: "danger", obstacle: none, onclick: () => typed({
      title: `Delete ${it().name}?`, name: it().slug, verb: "Delete the organization",
      about: ["It is deleted for good with everything in it, running jobs included. Closing it would keep its data.", contents(it()), isMine() && strong("You are signed in to it.")],
      run: () => adminSend("DELETE", `${path}?hard_delete=true`), done: `${it().name} is deleted`, after: () => go("server"),
    }) }),
  ];
  return [
    head({ title: () => it()?.name ?? "Organization", note: () => it() && [span({ class: "mono" }, it().slug), " ", planText(it())], acts: [acts, forgetButton(),
      asCurl(() => [["This organization", "GET", path], ["Change it", "PATCH", path, { body: { plan_tier: "pro", custom_limits: { max_queues: 50 } } }], ["A new key", "POST", `${path}/api-keys`, { body: { name: "worker" } }],
        ["Set its jobs of today to 0", "POST", `${path}/reset-usage`], ["Close it", "DELETE", path]])] }),
    p(a({ href: link("server") }, "All organizations")),
    either(isClosed, () => p({ class: "banner panel" }, icon("lock"), "It is closed: its keys and tokens do not work, its data is kept. Give it a plan to open it again, with the keys that were on.")),
    shown(org, () => [
      panel("Usage", { note: () => `plan ${it().usage_info.plan_display_name ?? it().plan_tier}` }, usageBars(() => it().usage_info)),
      div({ class: "grid even" },
        panel("Plan and limits", { note: `Empty: as the plan. "${UNLIMITED}": no limit` }, shown(plans, () => limitsForm(org, plans, change, path), { what: "the plans" })),
        div({ class: "grid start" }, panel("What it is", {}, namesForm(org, change)), panel("Facts", {}, () => facts(factsOf(it()))))),
    ], { what: "this organization", lines: 10 }),
  ];
}

const contents = it => `It has ${plural(it.resource_counts.queues, "queue")}, ${plural(it.usage.active_jobs, "job")} not done, ${plural(it.api_keys_count, "key")}, ${plural(it.resource_counts.schedules, "schedule")}, ${plural(it.resource_counts.workflows, "running workflow")}, ${plural(it.resource_counts.webhooks, "webhook")}; ${plural(it.total_jobs, "job")} were ever stored.`;

const namesForm = (org, change) => changeForm({
  of: org, textsOf: it => Object.fromEntries(FIELDS.map(([name]) => [name, it[name] ?? ""])),
  save: texts => change(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, text || null]))),
  fields: FIELDS.map(([name, words, more]) => [name, held => textField(words, held, more)]), check: texts => (texts.name === "" ? "It needs a name" : null), isWide: true,
});

// Of each limit: empty, as the plan says; a number; or `none`, where a count may be without.
function limitsForm(org, plans, change, path) {
  const words = new Map(LIMITS.map(([name, label]) => [name, label])), own = it => it.custom_limits ?? {};
  const textOf = (it, name) => (own(it)[name] === undefined ? "" : own(it)[name] === null ? (MAY_BE_UNLIMITED(name) ? UNLIMITED : "") : String(own(it)[name]));
  const tier = org.data.peek().plan_tier;
  const choices = [...(tier === CLOSED ? [[CLOSED, "Closed"]] : []), ...plans.data.peek().map(it => [it.tier, it.display_name])];
  const ofPlan = (name, say) => () => { const plan = plans.data.value.find(it => it.tier === org.data.value.plan_tier); return plan ? say(plan.limits[name]) : ""; };
  return changeForm({
    of: org, textsOf: it => ({ plan_tier: it.plan_tier, ...Object.fromEntries(LIMITS.map(([name]) => [name, textOf(it, name)])) }),
    isWide: true, check: texts => Object.entries(texts).map(([name, text]) => bad(name, text.trim(), words)).find(Boolean),
    save: async ({ plan_tier, ...texts }) => change(`{${[plan_tier && `"plan_tier":${JSON.stringify(plan_tier)}`, Object.keys(texts).length && `"custom_limits":${await merged(path, texts)}`].filter(Boolean)}}`),
    fields: [["plan_tier", held => selectField("Plan", held, choices)], ...LIMITS.map(([name, label, say]) => [name, held => textField(`${label}${UNITS[name] ?? ""}`, held, { inputmode: "numeric", maxlength: 17, placeholder: ofPlan(name, say) })])],
  });
}

// With what it has by now, and what others keep beside the limits to the last digit.
async function merged(path, texts) {
  const kept = memberOf((await adminGetWhole(path)).text, "custom_limits") ?? "null", names = Object.keys(JSON.parse(kept) ?? {});
  const given = Object.entries(texts).map(([name, text]) => [name, text.trim()]).filter(([, text]) => text);
  const all = [...names.filter(name => !(name in texts)).map(name => [name, memberOf(kept, name)]), ...given.map(([name, text]) => [name, text === UNLIMITED ? "null" : String(Number(text))])];
  return all.length ? `{${all.map(([name, value]) => `${JSON.stringify(name)}:${value}`)}}` : "null";
}

const bad = (name, text, words) => (name === "plan_tier" || text === "" || /^-?\d{1,15}$/.test(text) || (text === UNLIMITED && MAY_BE_UNLIMITED(name)) ? null
  : `${words.get(name)}: a whole number${MAY_BE_UNLIMITED(name) ? `, or "${UNLIMITED}" for no limit` : ""}`);

const factsOf = it => [
  ["Id", span({ class: "mono in-full" }, it.id)], ["Made", when(it.created_at)], ["Changed", when(it.updated_at)],
  ["Email", it.billing_email ? (it.billing_email_verified ? "confirmed" : "not confirmed") : "none"],
  ["Keys, revoked ones too", count(it.api_keys_count)], ["Jobs ever stored", count(it.total_jobs)],
  it.description && ["Description", it.description],
];
