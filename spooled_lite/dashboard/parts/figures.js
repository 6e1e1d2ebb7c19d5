// Figures, one line each: mark, name, value, what it means. `read` gives what figuresOf of lib/server_figures.js does.

import { el, list } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { mark, status } from "../lib/icons.js";
import { computed } from "../lib/signal.js";
import { panel } from "./panel.js";

const { b, li, span, ul } = el;
const SAID = { failed: "Bad: ", retrying: "Worth a look: ", completed: "Good: ", pending: "Not measured yet: " };

export function figuresPanel(read) {
  const lines = computed(read);
  const of = tone => lines.value.filter(it => it.tone === tone).length;
  const note = () => (of("failed") ? status("failed", plural(of("failed"), "is bad", "are bad")) : of("retrying") ? status("retrying", `${plural(of("retrying"), "is", "are")} worth a look`) : lines.value.length ? status("completed", "All is well") : null);
  return panel("Figures", { note }, ul({ class: "figures" }, list(() => lines.value, it => it.name, row => li({ "data-s": () => row.value.tone },
    span({ class: "of" }, () => row.value.tone && [mark(row.value.tone), span({ class: "sr" }, SAID[row.value.tone])]),
    span(() => row.value.name), b({ class: "num" }, () => row.value.value), span({ class: "quiet" }, () => row.value.note)))));
}
