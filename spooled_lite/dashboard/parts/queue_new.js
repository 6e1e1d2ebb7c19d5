// A queue before its first job: only its name is needed.

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { go } from "../lib/router.js";
import { signal } from "../lib/signal.js";
import { openDialog } from "./dialog.js";
import { field } from "./panel.js";
import { sentence } from "./states.js";

const { button, div, form, input } = el;

export function openNewQueue() {
  const error = signal(null), name = input({ required: true, maxlength: 255, autofocus: "", autocomplete: "off", placeholder: "emails" });
  openDialog({ title: "New queue", body: close => form({ class: "form", onsubmit: async event => {
    event.preventDefault();
    try {
      const made = await send("POST", "/queues", { name: name.value.trim() });
      close();
      go(`queues/${encodeURIComponent(made.queue_name)}`);
    } catch (reason) {
      error.value = sentence(reason);
    }
  } }, field("Name", name, { hint: "Letters, digits, dots, dashes and underscores. A queue is also created with its first job.", error: () => error.value }),
  div({ class: "acts" }, button({ class: "btn main-act", type: "submit" }, "Make it"), button({ class: "btn",  onclick: close }, "Back"))) });
}
