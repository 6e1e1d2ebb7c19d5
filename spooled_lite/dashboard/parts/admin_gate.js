// Asks for the admin key, and shows what it opens as long as there is one: withAdmin(() => [nodes]).

import { adminEnds, askedAgain, enterAdmin, forgetAdmin } from "../lib/admin.js";
import { now } from "../lib/clock.js";
import { el, when } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { signal } from "../lib/signal.js";
import { field, panel } from "./panel.js";
import { refused } from "./states.js";

const { button, code, div, form, input, p, span } = el;
const WORDS = { INVALID_ADMIN_KEY: "This is not the admin key of this server.", MISSING_ADMIN_KEY: "This is not the admin key of this server." };

// `otherwise`: what is shown without the key, in place of the question for it.
export const withAdmin = (make, otherwise = gate) => when(() => adminEnds.value, make, otherwise);

export function gate() {
  const error = signal(null), isBusy = signal(false);
  const key = input({ type: "password", autocomplete: "off", spellcheck: "false", required: true });
  async function enter(event) {
    event.preventDefault();
    if (isBusy.peek()) return;
    isBusy.value = true;
    error.value = null;
    const text = key.value.trim();
    key.value = "";
    try {
      await enterAdmin(text);
    } catch (reason) {
      error.value = reason;
      key.focus();
    } finally {
      isBusy.value = false;
    }
  }
  queueMicrotask(() => key.isConnected && key.focus());
  return panel("Admin key", { class: "gate" }, form({ class: "form pad", onsubmit: enter },
    () => askedAgain.value && p({ class: "row" }, icon("lock"), askedAgain.value),
    field("The admin key of this server", key, { hint: "Kept in memory for 15 minutes, or until you leave these pages. It is never stored." }),
    () => error.value && (error.value.code === "ADMIN_NOT_CONFIGURED" ? unset() : refused(WORDS[error.value.code] ?? error.value)),
    div({ class: "acts" }, button({ type: "submit", class: "btn main-act", "aria-busy": () => (isBusy.value ? "true" : null) }, icon("lock"), "Enter"))));
}

const unset = () => div({ role: "alert" }, p("This server has no admin key, so nobody can administer it over the network."),
  p("Start it with ", code({ class: "mono" }, "SPOOLED_ADMIN_KEY"), " set to a long random text, or ", code({ class: "mono" }, "admin_key"), " in its config file."));

// How long the key is kept yet, and the way to end it.
export const forgetButton = () => when(() => adminEnds.value, () => button({ class: "btn", title: "Forget the admin key now", onclick: () => forgetAdmin() },
  icon("lock"), "Forget the key", span({ class: "quiet num wide" }, () => (now.value, `${Math.max(1, Math.ceil((adminEnds.value - Date.now()) / 60_000))} min`))));
