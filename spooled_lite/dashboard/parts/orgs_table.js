// All organizations of the server, and a new one. Filters and order are in the address.

import { adminGet, adminSend } from "../lib/admin.js";
import { every } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { icon, status } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { link, queryOf, setQuery } from "../lib/router.js";
import { computed, effect, signal, untracked } from "../lib/signal.js";
import { reading, rows } from "../lib/store.js";
import { gated } from "./act.js";
import { openDialog } from "./dialog.js";
import { choose, noMatch, textFilter } from "./filters.js";
import { form, selectField, textField } from "./form.js";
import { openStored } from "./key_form.js";
import { panel, when } from "./panel.js";
import { shown } from "./states.js";
import { table } from "./table.js";

const { a, button, div, span } = el;
const PAGE = 50, READ_SECONDS = 30;

export const CLOSED = "deleted"; // the plan of an organization that was closed
export const planText = it => (it.plan_tier === CLOSED ? status("cancelled", "closed") : it.is_active ? it.plan_tier : status("paused", `${it.plan_tier}, off`));

const columns = [
  { label: "Name", sort: "name", class: "fill clip", cell: (row, id) => span(a({ href: link(["server", "orgs", id]) }, () => row.value.name), span({ class: "quiet mono" }, " ", () => row.value.slug)) },
  { label: "Plan", sort: "plan_tier", class: "end", cell: row => () => planText(row.value) },
  ...[["Jobs today", "jobs_today"], ["Active jobs", "active_jobs"], ["Queues", "queues", "hide"], ["Workers", "workers", "hide"], ["Keys", "api_keys", "hide"]].map(([label, name, more = "second"]) =>
    ({ label, class: `num ${more}`, cell: row => [span(() => count(row.value.usage[name])), more === "second" && span({ class: "on-card quiet" }, ` ${label.toLowerCase()}`)] })),
  { label: "Made", sort: "created_at", class: "num hide", cell: row => () => when(row.value.created_at) },
];

// `wanted`: a signal that changes when it shall be read again.
export function orgsPanel({ plans, wanted, after }) {
  const search = queryOf("q"), plan = queryOf("plan"), order = queryOf("sort");
  const sort = computed(() => ({ by: order.value.replace(/^-/, "") || "created_at", isDown: !order.value || order.value.startsWith("-") }));
  const asked = () => ({ search: search.value, plan_tier: plan.value, sort_by: sort.value.by, sort_order: sort.value.isDown ? "desc" : "asc", limit: PAGE });
  const total = signal(0), page = (more, ending) => adminGet("/admin/organizations", { ...asked(), ...more }, { signal: ending });
  const orgs = rows(ending => page({}, ending), { take: it => ((total.value = it.total), it.organizations) });
  reading(() => [search.value, plan.value, order.value], orgs.read);
  effect(() => { if (wanted.value) untracked(orgs.read); });
  // Rows stay where they are: what is new among them is seen by reading again.
  every(READ_SECONDS, () => page({}).then(it => { total.value = it.total; for (const each of it.organizations) orgs.patch(each.id, each); }, () => {}));
  const open = () => openNew({ plans, after: () => (orgs.read(), after()) });
  keys("Organizations", { n: ["New organization", open] });
  const more = async () => orgs.add((await page({ offset: orgs.ids.peek().length })).organizations);

  return panel("Organizations", { note: () => count(total.value), more: [
    textFilter({ label: "Find an organization", placeholder: "Part of a name" }),
    choose({ name: "plan", label: "Plan", any: "any", options: () => [...(plans.data.value ?? []).map(it => ({ value: it.tier, label: it.display_name })), { value: CLOSED, label: "Closed" }], say: it => (it === CLOSED ? "Closed" : it) }),
    gated({ label: "New organization", icon: "plus", kind: "main-act", onclick: open }),
  ] }, shown(orgs, () => table({
    of: orgs, label: "Organizations", group: "Organizations", columns, sort,
    onSort: by => setQuery({ sort: sort.peek().by === by && !sort.peek().isDown ? `-${by}` : by }), rowClass: row => (row.value.plan_tier === CLOSED || !row.value.is_active ? "off" : ""),
  }), { what: "the organizations", lines: 4, isEmpty: () => !orgs.ids.value.length, empty: () => noMatch({ q: "Name", plan: "Plan" }, { what: "organizations" }) }),
  either(() => orgs.ids.value.length < total.value, () => div({ class: "newer pad" }, button({ class: "btn", onclick: more }, icon("down"), "More"))));
}

function openNew({ plans, after }) {
  const name = signal(""), slug = signal(""), plan = signal("free"), email = signal("");
  openDialog({ title: "New organization", body: close => form({
    label: "Create", onCancel: close, obstacle: () => (name.value.trim().length < 3 ? "A name has at least 3 characters" : null),
    run: () => adminSend("POST", "/admin/organizations", { name: name.peek().trim(), plan_tier: plan.peek(), ...(slug.peek() && { slug: slug.peek().trim() }), ...(email.peek() && { billing_email: email.peek().trim() }) }),
    done: made => `${made.name} is made`, after: made => (close(), openStored({ name: made.name, key: made.api_key.key }, after)),
  },
  textField("Name", name, { maxlength: 100, autofocus: "" }),
  textField("Short name", slug, { maxlength: 50, placeholder: "made of the name", hint: "Letters a to z, digits and single hyphens" }),
  selectField("Plan", plan, (plans.data.peek() ?? []).map(it => [it.tier, `${it.display_name}: ${it.description.toLowerCase()}`])),
  textField("Email", email, { type: "email", hint: "May be left out" })) });
}
