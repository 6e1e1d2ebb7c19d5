// The worlds of test mode: forks, the baseline, and going back to it.

import { get, send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { plural, shortId, stampText } from "../lib/format.js";
import { signal } from "../lib/signal.js";
import { rows } from "../lib/store.js";
import { world } from "../lib/test_mode.js";
import { act, gated } from "./act.js";
import { openDialog } from "./dialog.js";
import { form, textField } from "./form.js";
import { panel } from "./panel.js";
import { secret } from "./secret.js";
import { emptyState, shown } from "./states.js";
import { table } from "./table.js";

const { a, div, p, span } = el;

export function worlds() {
  const forks = rows(async ending => (await get("/test/forks", {}, { signal: ending })).forks, { key: it => it.name });
  const columns = [
    { label: "Fork", class: "fill", cell: row => span({ class: "clip" }, row.peek().name) },
    { label: "Time there", class: "num", cell: row => () => stampText(row.value.now) },
    { label: "Organization", class: "hide", cell: row => span({ class: "mono", title: row.peek().organization_id }, shortId(row.peek().organization_id)) },
    { label: "Seed", class: "num hide", cell: row => row.peek().seed ?? "none" },
    { label: "Delete", isUnsaid: true, class: "acts-cell", cell: row => act({
      label: "Delete", name: `Delete ${row.peek().name}`, icon: "trash", isSmall: true, ask: "Delete this fork with all it has?", yes: "Delete fork",
      run: () => send("DELETE", `/test/forks/${encodeURIComponent(row.peek().name)}`), done: "The fork is deleted", after: forks.read,
    }) },
  ];
  return { read: forks.read, nodes: [panel("Worlds", { note: "a copy for each test, with rows and a clock of its own", more: [
    gated({ label: "Fork…", icon: "plus", onclick: () => openFork(forks.read) }),
    act({ label: "New baseline", icon: "save", ask: "Forget the baseline before, and go back to this state from now on?", yes: "Make it the baseline", run: () => send("POST", "/test/baseline"), done: "A reset goes back to this state" }),
    act({
      label: "Reset", icon: "retry", kind: "danger", ask: () => `Lose everything that ${world.value?.world ?? "this world"} got since its baseline?`, yes: "Reset",
      run: () => send("POST", "/test/reset"), after: () => location.reload(), // all that is shown was of before
    }),
  ] }, shown(forks, () => table({ of: forks, label: "Forks", columns, nameOf: it => it }), {
    what: "the forks", lines: 2, isEmpty: () => !forks.ids.value.length,
    empty: () => emptyState("No forks", p("One is made in milliseconds, with all that is here now.")),
  }))] };
}

function openFork(after) {
  const name = signal(""), at = signal(""), made = signal(null);
  openDialog({
    title: () => (made.value ? `Fork ${made.value.name}` : "Fork this world"), isHeld: () => made.peek() !== null, onClose: after,
    body: close => () => (made.value ? stored(made.value, close) : form({
      label: "Fork", onCancel: close, after: it => { made.value = it; },
      run: () => send("POST", "/test/fork", { ...(name.peek().trim() && { name: name.peek().trim() }), ...(at.peek().trim() && { at: at.peek().trim() }) }),
    }, textField("Name", name, { autofocus: "", placeholder: "fork-1", hint: "Empty: the server names it" }),
    textField("Its clock", at, { placeholder: "2030-02-01T00:00:00Z", hint: "Empty: as here" }))),
  });
}

const stored = (it, close) => div({ class: "form" },
  p(`It begins with ${plural(it.copied.jobs, "job")}. This key leads to it, and is shown only now.`),
  secret(it.api_key, { name: `Key of ${it.name}` }),
  p(a({ href: "#/sign-in", target: "_blank", rel: "noopener" }, "Sign in with it in a new tab"), " to look at the fork."),
  div({ class: "acts" }, gated({ label: "I have stored it", icon: "ok", kind: "main-act", onclick: close })));
