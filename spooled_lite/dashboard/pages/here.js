// This browser: how things look and behave here. It is kept in this browser, and holds nothing of jobs.

import { el } from "../lib/dom.js";
import { zoneName } from "../lib/format.js";
import { columns, density, hasKeys, isForgetful, masks, theme, zone } from "../lib/prefs.js";
import { me, signOut } from "../lib/session.js";
import { gated } from "../parts/act.js";
import { checkField, radios, textField } from "../parts/form.js";
import { facts, head, panel, when } from "../parts/panel.js";

const { button, div, fieldset, legend, p, span } = el;
const local = Intl.DateTimeFormat().resolvedOptions().timeZone;

export default function here() {
  const reset = () => {
    for (const it of [theme, density, zone, hasKeys, isForgetful, masks, columns]) it.value = it.otherwise;
  };
  const show = gone => {
    const left = Object.entries(columns.peek()).filter(([name]) => name !== gone);
    columns.value = left.length ? Object.fromEntries(left) : columns.otherwise;
  };
  return [
    head({ title: "This browser", note: "kept here, and nowhere else", acts: [gated({ label: "Reset all of it", icon: "retry", onclick: reset }), gated({ label: "Sign out", icon: "out", onclick: signOut })] }),
    div({ class: "grid even" },
      panel("How it looks", {}, div({ class: "form pad" },
        radios("Theme", theme, [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]]),
        radios("Lines", density, [["compact", "Close"], ["cosy", "Wide"]]),
        radios("Times", zone, [["utc", "UTC"], ["local", `Here (${local})`]]),
        fieldset({ class: "field" }, legend("Columns not shown"), () => {
          const all = Object.entries(columns.value);
          return all.length ? all.map(([name, labels]) => div({ class: "row" }, span(`${name}: ${labels.join(", ")}`), button({ class: "btn", "aria-label": `Show all columns of ${name}`, onclick: () => show(name) }, "Show them"))) : p({ class: "quiet" }, "None: each table has its own menu for them.");
        }))),
      panel("How it behaves", {}, div({ class: "form pad" },
        checkField("Shortcuts of one key", hasKeys, { hint: "? shows them; Escape always works" }),
        checkField("Forget the sign-in with the page", isForgetful, { hint: "from the next sign-in on; else it lasts as long as the tab" }),
        textField("Names shown as dots", masks, { hint: "Separated by commas. In payloads and results their values are shown only while you hold a button" })))),
    panel("Signed in", {}, () => me.value && facts([
      ["Key", me.value.name], ["Organization", me.value.organization?.name], ["Queues", me.value.queues.length ? me.value.queues.join(", ") : "all"],
      ["May do", me.value.permissions.length && !me.value.permissions.includes("*") ? me.value.permissions.join(", ") : "everything"], ["Token ends", when(me.value.expires_at)], ["Times are shown in", () => zoneName()],
    ])),
    p({ class: "quiet small" }, "No payload, name, address or credential is kept in this browser's storage: the sign-in is kept only in the tab."),
  ];
}
