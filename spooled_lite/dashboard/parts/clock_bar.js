// The bar of test mode on every page: what time it is there, and what moves it.

import { every, now, pace } from "../lib/clock.js";
import { el, when as either } from "../lib/dom.js";
import { agoText, stampText } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { signal } from "../lib/signal.js";
import { clock, isMoving, moved, readClock, setClock, trouble, world } from "../lib/test_mode.js";
import { act } from "./act.js";
import { happened, movedText, moving } from "./moving.js";
import { sentence } from "./states.js";

const { a, b, button, div, section, span } = el;
const READ_SECONDS = 5, STEPS = [["+1 min", "1m"], ["+1 h", "1h"], ["+1 d", "1d"]];

export const paceText = () => ({ frozen: "stands", real: "runs", ticking: `${clock.value?.rate} times as fast` })[clock.value?.mode] ?? "";
export const standing = () => act({ label: "Let it stand", icon: "pause", run: () => setClock({ mode: "frozen" }) });

export function clockBar() {
  const isOpen = signal(false);
  readClock();
  every(READ_SECONDS, () => { if (!isMoving.peek()) readClock(); });
  const nearest = () => clock.value?.due[0];
  return section({ class: "clock-bar", "aria-label": "Clock of test mode" },
    div({ class: "row" },
      span({ class: "row" }, icon("clock"), b({ class: "num" }, () => stampText(now.value)), span({ class: "quiet" }, paceText),
        () => world.value && world.value.world !== "root" && span({ class: "clip", title: "The world that is looked at" }, `in ${world.value.world}`)),
      either(() => trouble.value, () => span({ class: "quiet" }, () => trouble.value && (trouble.value.status === 403 ? "This key is limited to queues: it cannot move the clock" : `The clock cannot be read: ${sentence(trouble.value)}`))),
      either(() => pace.value && clock.value, standing),
      either(() => clock.value && !pace.value && !trouble.value, () => [
        STEPS.map(([label, by]) => moving({ label, path: "advance", body: () => ({ by }) })),
        moving({ label: () => (nearest() ? `Next: ${nearest().kind} ${agoText(nearest().at)}` : "Next"), icon: "right", path: "next", hint: "To the next moment at which something is due" }),
        moving({ label: "Until idle", path: "idle", hint: "Until nothing waits for time but what recurs" }),
      ]),
      a({ class: "more", href: "#/test" }, "Test mode")),
    either(() => moved.value, () => [
      div({ class: "row" }, span({ role: "status", class: "small" }, () => moved.value && movedText()),
        () => moved.value?.happened.length > 0 && button({ type: "button", class: "btn link small", "aria-expanded": () => isOpen.value, onclick: () => { isOpen.value = !isOpen.peek(); } }, () => (isOpen.value ? "Hide" : "Show what happened")),
        button({ type: "button", class: "btn link small", onclick: () => { moved.value = null; } }, "Dismiss")),
      either(() => isOpen.value && moved.value, () => () => moved.value && happened()),
    ]));
}
