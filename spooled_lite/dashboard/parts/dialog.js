// A dialog over the page: focus goes in, and back to where it came from. Escape closes it.
//
//   openDialog({ title: "Retry 96 dead letters?", body: close => [p("…"), div({ class: "acts" }, …)] });
//
// While `isHeld` says so, only `close` closes it: for what is shown once.

import { el, mount } from "../lib/dom.js";

const { dialog, div, h2 } = el;
let number = 0;

export function openDialog({ title, body, isLarge = false, onClose = () => {}, isHeld = () => false }) {
  const came = document.activeElement, id = `dialog-${++number}`;
  let node = null;
  const close = () => node.close();
  const take = mount(document.body, () => (node = dialog(
    { "aria-labelledby": id, class: isLarge ? "large" : "", onclose: ended, onclick: outside, oncancel: event => { if (isHeld()) event.preventDefault(); } },
    div(h2({ id }, title), body(close)))));
  node.showModal();
  node.querySelector("[autofocus]")?.focus();
  return close;

  function outside(event) {
    if (event.target === node && !isHeld()) close();
  }

  function ended() {
    take();
    onClose();
    if (came?.isConnected) came.focus();
  }
}
