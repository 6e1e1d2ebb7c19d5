// Buttons that do something. Classes of acts (docs/dashboard.md): A can be undone, R repeats work, B is for good.
//
//   act({ label: "Pause", icon: "pause", words: ["queues:write"], run: () => send("POST", …),
//         done: "charges is paused", undo: () => send("POST", …) })                               A: with `undo`
//   act({ label: "Retry", icon: "retry", words: ["jobs:write"], run, done: "Retried" })            R: neither
//   act({ label: "Cancel", ask: "Cancel this job?", yes: "Cancel job", kind: "danger", run })      B: with `ask`
//
// A second click while the first runs does nothing. What is refused stands beside the button. `after` is
// called when it was done. For a key, keep what `act` gives and call `.press()`.

import { ApiError, reachable } from "../lib/api.js";
import { el, when } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { may, me } from "../lib/session.js";
import { valueOf as read, signal } from "../lib/signal.js";
import { refused, sentence } from "./states.js";
import { alertText, toast } from "./toast.js";

const { button, span } = el;

// Why it cannot be done, or null. It reads signals.
export function obstacle(words) {
  if (!reachable.value) return "The server does not answer";
  if (me.value && words.length && !may(...words)) return `This key lacks ${words.join(" or ")}`;
  return null;
}

export function act({ label, icon: picture, words = [], run, done, undo, ask, yes, no = "Keep", kind = "", isSmall = false, obstacle: own = () => null, after = () => {}, name, hint }) {
  const isBusy = signal(false), isAsking = signal(false), error = signal(null);
  const why = () => obstacle(words) ?? read(own);
  let node, keep;

  async function go() {
    if (isBusy.peek() || why()) return;
    isAsking.value = false;
    isBusy.value = true;
    error.value = null;
    try {
      const result = await run();
      const text = read(typeof done === "function" ? () => done(result) : done);
      if (text) toast(text, { undo: undo && (() => undone(() => undo(result))) });
      after(result);
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      error.value = reason;
      alertText(`${read(label)}: ${sentence(reason)}`);
    } finally {
      isBusy.value = false;
    }
  }

  async function undone(inverse) {
    try {
      await inverse();
      after();
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      error.value = reason;
    }
  }

  function press() {
    if (why()) return;
    if (!ask) return void go();
    isAsking.value = true;
    queueMicrotask(() => keep?.focus());
  }

  const leave = () => {
    isAsking.value = false;
    node.querySelector("button")?.focus();
  };
  const title = () => why() ?? read(hint) ?? (isSmall ? read(name ?? label) : null);
  node = span({ class: "row act", onkeydown: event => { if (event.key === "Escape" && isAsking.peek()) leave(); } },
    when(() => isAsking.value,
      () => span({ class: "ask", role: "group", "aria-label": read(ask) }, span(ask),
        button({ class: "btn danger", onclick: go }, yes ?? label),
        button({ class: "btn", onclick: leave, ref: it => { keep = it; } }, no)),
      () => button({
        class: `btn ${kind}${isSmall ? " plain only" : ""}`, onclick: press, title,
        "aria-disabled": () => (why() ? "true" : null), "aria-busy": () => (isBusy.value ? "true" : null),
        "aria-label": () => (name || isSmall ? read(name ?? label) : null),
      }, () => picture && icon(read(picture)), isSmall ? null : span(label))),
    when(() => error.value, () => refused(error.value)));
  return Object.assign(node, { press });
}

// A button that opens something, when the key may do what comes of it.
export function gated({ label, icon: picture, words = [], kind = "", obstacle: own = () => null, onclick }) {
  const why = () => obstacle(words) ?? own();
  return button({
    class: `btn ${kind}`, title: why, "aria-disabled": () => (why() ? "true" : null),
    onclick: event => (why() ? event.stopPropagation() : onclick(event)),
  }, picture && icon(picture), span(label));
}

// The same as a command, for whoever wants a script of it.
export async function copy(text, what = "Copied") {
  try {
    await navigator.clipboard.writeText(text);
    toast(what);
    return true;
  } catch {
    return false; // plain HTTP: whoever calls shows the text to copy by hand
  }
}
