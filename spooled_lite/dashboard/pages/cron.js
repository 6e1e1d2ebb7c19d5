// The cron helper: a rule in words, and when it fires, clock changes included.

import { el } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { link, route, setQuery } from "../lib/router.js";
import { effect, signal } from "../lib/signal.js";
import { asCurl } from "../parts/curl.js";
import { head, panel } from "../parts/panel.js";
import { examples, ruleFields, ruleSlots } from "../parts/slots.js";

const { a, div } = el;

export default function cronPage() {
  const { query } = route.peek();
  const cron = signal(query.cron ?? "30 2 * * *"), zone = signal(query.zone ?? "America/New_York");
  effect(() => setQuery({ cron: cron.value, zone: zone.value }));
  const rule = () => ({ cron_expression: cron.value, timezone: zone.value || "UTC" });
  return [
    head({ title: "Cron helper", acts: [
      asCurl(() => [["The next slots of this rule", "POST", "/schedules/preview", { body: { ...rule(), count: 20 } }]]),
      a({ class: "btn main-act", href: () => link("schedules/new", { cron: cron.value, zone: zone.value }) }, icon("plus"), "Schedule it"),
    ] }),
    div({ class: "grid even" },
      panel("Rule", {}, div({ class: "pad form" }, ruleFields({ cron, zone }), examples(cron))),
      panel("Next slots", { note: () => zone.value || "UTC" }, ruleSlots({ cron, zone }))),
  ];
}
