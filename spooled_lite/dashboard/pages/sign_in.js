// Sign-in: a key, a code by mail, or the link that the server printed. Also over a page whose token is gone.

import { get } from "../lib/api.js";
import { el, when } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { go, route, title } from "../lib/router.js";
import { mailCode, signIn, signInByLink, signInByMail } from "../lib/session.js";
import { signal } from "../lib/signal.js";
import { field } from "../parts/panel.js";
import { refused } from "../parts/states.js";

const { main, div, form, h1, p, input, button, a } = el;

export default function signInPage({ isOver = false }) {
  const way = signal("key"), error = signal(null), isBusy = signal(false), options = signal({});
  const key = input({ type: "password", autocomplete: "off", autofocus: "", required: true, spellcheck: "false" });
  const email = input({ type: "email", autocomplete: "email", required: true });
  const code = input({ inputmode: "numeric", autocomplete: "one-time-code", required: true, maxlength: 12 });
  title.value = "Sign in";

  async function attempt(enter, refusal) {
    if (isBusy.peek()) return;
    isBusy.value = true;
    error.value = null;
    try {
      await enter();
    } catch (reason) {
      error.value = [400, 401, 404].includes(reason.status) ? new Error(refusal) : reason;
    } finally {
      isBusy.value = false;
    }
  }

  const entered = () => { if (route.peek().parts[0] === "sign-in") go("", {}, { isReplaced: true }); };
  const byKey = () => attempt(async () => {
    await signIn(key.value.trim());
    key.value = "";
    entered();
  }, "No organization knows this key. It may have been revoked.");
  const start = () => attempt(async () => {
    await mailCode(email.value.trim());
    way.value = "code";
    queueMicrotask(() => code.focus());
  }, "No code can be mailed to this address.");
  const byCode = () => attempt(async () => {
    await signInByMail(email.value.trim(), code.value.trim());
    entered();
  }, "The code is wrong or has expired: codes are valid for 15 minutes.");

  // The code leaves the address before anything else is done with it.
  const linked = route.peek().query.code;
  if (linked && route.peek().parts[0] === "sign-in") {
    go("sign-in", {}, { isReplaced: true });
    attempt(async () => {
      await signInByLink(linked);
      entered();
    }, "This link is no longer valid: it works once, within ten minutes of the start.");
  }
  get("/auth/options", {}, { isKnown: false }).then(it => { options.value = it; }, () => {});

  const submit = (text, act) => button({ type: "submit", class: "btn main-act", "aria-busy": () => (isBusy.value ? "true" : null), onclick: event => {
    if (!event.currentTarget.form.reportValidity()) return;
    event.preventDefault();
    act();
  } }, text);
  const other = (text, to) => button({ class: "btn link", onclick: () => { error.value = null; way.value = to; } }, text);

  const ways = {
    key: () => form({ class: "form", onsubmit: event => event.preventDefault() },
      field("API key", key, { hint: "Exchanged for a token of this tab; the key itself is not kept." }),
      submit("Sign in", byKey)),
    mail: () => form({ class: "form", onsubmit: event => event.preventDefault() },
      field("E-mail address", email), submit("Mail me a code", start)),
    code: () => form({ class: "form", onsubmit: event => event.preventDefault() },
      field(`The code mailed to ${email.value}`, code), submit("Sign in", byCode)),
  };

  queueMicrotask(() => key.focus());
  return main({ class: isOver ? "sheet" : "main", id: "sign-in" }, div({ class: "panel sign-in" }, div({ class: "pad form" },
    h1(isOver ? "Sign in again" : "Sign in to Spooled Lite"),
    isOver && p({ class: "quiet" }, "The token of this tab is no longer valid. The page behind stays as it is."),
    () => ways[way.value](),
    when(() => error.value, () => refused(error.value)),
    div({ class: "row" },
      () => options.value.email && way.value === "key" && other("Mail me a code", "mail"),
      () => way.value !== "key" && other("Use an API key", "key")),
    () => options.value.environment === "development" && p({ class: "quiet small" }, icon("info"),
      options.value.link ? " When the server started it printed a link that signs in once." : " No key at hand? The server prints one when it is started for the first time."),
    p({ class: "small" }, a({ href: "./docs" }, "How the API works")))));
}
