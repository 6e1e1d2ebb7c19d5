// What is not for everyone who sees the screen: dots, as long as nobody holds the button.
//
//   secret(text, { name: "API key" })       with copy; it is kept nowhere but in its node
//   holdToSee(isSeen, "Hold to see")        sets a signal while it is held: by pointer, Space or Enter

import { el, when } from "../lib/dom.js";
import { icon } from "../lib/icons.js";
import { signal } from "../lib/signal.js";
import { copy } from "./act.js";
import "./drawn.js";

const { button, code, div, span, textarea } = el;
export const DOTS = "••••••••";

export function holdToSee(isSeen, label = "Hold to see") {
  const see = value => () => { isSeen.value = value; };
  const key = value => event => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    isSeen.value = value;
  };
  return button({
    class: "btn hold", "aria-pressed": isSeen, onpointerup: see(false), onlostpointercapture: see(false),
    // Captured: what is seen may move the button away from under the pointer.
    onpointerdown: event => { event.currentTarget.setPointerCapture(event.pointerId); isSeen.value = true; }, onblur: see(false), onkeydown: key(true), onkeyup: key(false),
    oncontextmenu: event => event.preventDefault(),
  }, label);
}

// Copies; where a page may not (plain HTTP), shows the text selected, to be copied by hand.
export function copyButton(text, { label = "Copy", name = "" } = {}) {
  const byHand = signal(false);
  const select = node => queueMicrotask(() => (node.focus(), node.select()));
  return [
    button({ class: "btn", onclick: async () => { byHand.value = !(await copy(text())); } }, icon("copy"), label, name && span({ class: "sr" }, ` ${name}`)),
    when(() => byHand.value, () => textarea({ class: "by-hand", readonly: true, rows: 3, "aria-label": `${name} to copy`, ref: select, value: text(), onblur: () => { byHand.value = false; } })),
  ];
}

export function secret(text, { name = "Secret" } = {}) {
  const isSeen = signal(false);
  return div({ class: "secret row", role: "group", "aria-label": name },
    code({ class: "mono" }, () => (isSeen.value ? text : DOTS + text.slice(-4))),
    holdToSee(isSeen), copyButton(() => text, { name }));
}
