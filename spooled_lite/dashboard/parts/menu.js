// A button that opens a menu below it: menu({ label: "Queue", class: "chip" }, close => [button(…), …]).

import { el, mount } from "../lib/dom.js";
import { icon } from "../lib/icons.js";

const { button, div, span } = el;
const EDGE = 8; // pixels kept to the edge of the window

export function menu({ label, name, class: kind = "btn", picture = "down", title, outer = "" }, content) {
  let node, opener, take = () => {};

  function place() {
    const box = opener.getBoundingClientRect(), size = node.getBoundingClientRect();
    const below = innerHeight - box.bottom > size.height + EDGE || box.top < size.height;
    node.style.setProperty("left", `${Math.max(EDGE, Math.min(box.left, innerWidth - size.width - EDGE))}px`);
    node.style.setProperty("top", `${below ? box.bottom + 4 : box.top - size.height - 4}px`);
  }

  function turned(event) {
    const isOpen = event.newState === "open";
    opener.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      const hadFocus = node.contains(document.activeElement);
      take();
      if (hadFocus) opener.focus();
      return;
    }
    take = mount(node, () => content(() => node.hidePopover()));
    place();
    (node.querySelector("[autofocus]") ?? node.querySelector("button, a, input"))?.focus();
  }

  function walk(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...node.querySelectorAll("button, a, input")], at = all.indexOf(document.activeElement);
    all[(at + step + all.length) % all.length]?.focus();
  }

  node = div({ popover: "auto", class: "menu", ontoggle: turned, onkeydown: walk });
  opener = button({
    class: kind, title, "aria-expanded": "false", "aria-label": name,
    onclick: () => node.togglePopover(),
  }, label, picture && icon(picture));
  return span({ class: `row ${outer}` }, opener, node);
}

// One line of a menu: chosen or not, with a number at its end.
export const choice = ({ label, isChosen = null, n, picture, onclick, ...more }) =>
  button({ onclick, "aria-pressed": isChosen, ...more },
    picture, span({ class: "clip" }, label), isChosen ? icon("ok") : null, n != null && span({ class: "num" }, n));
