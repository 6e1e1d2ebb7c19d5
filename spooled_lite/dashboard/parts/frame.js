// The frame around every page: rail (a dock on phones), top bar, banners.

import { counts, health, isOutdated, ready, version } from "../lib/about.js";
import { answeredAt, reachable } from "../lib/api.js";
import { pace } from "../lib/clock.js";
import { el, svg, when } from "../lib/dom.js";
import { clockText, short, zoneName } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { keys } from "../lib/keys.js";
import { held, mark } from "../lib/live.js";
import { nextTheme, zone } from "../lib/prefs.js";
import { go, route } from "../lib/router.js";
import { keyName, me, signOut } from "../lib/session.js";
import { effect, signal } from "../lib/signal.js";
import { find } from "./find.js";
import { choice, menu } from "./menu.js";
import { isThere, PLACES } from "./places.js";
import { reason } from "./states.js";
import { alertText } from "./toast.js";

const { div, nav, header, main, a, ul, li, span, i, button, p, b, em } = el;

// Arrives when it is asked for.
const openHelp = async () => (await import("./help.js")).openHelp();

const WORDS = {
  live: "Live", connecting: "Connecting", polling: "Polling", held: "Held",
  busy: "Busy: every 5 s", offline: () => `Offline, data of ${answeredAt.value ? clockText(answeredAt.value) : "before"}`,
};

export function frame({ preload }) {
  const toggleZone = () => { zone.value = zone.peek() === "utc" ? "local" : "utc"; };
  keys("Everywhere", {
    "?": ["This help", openHelp],
    ...Object.fromEntries(PLACES.filter(it => it.key).map(it => [`g ${it.key}`, [it.label, () => go(it.path)]])),
    z: ["Hold what is shown", () => { held.value = !held.peek(); }],
    u: ["UTC or local time", toggleZone],
    t: ["Light or dark", nextTheme],
  });
  effect(() => { if (!reachable.value) alertText("The server does not answer"); });
  const bar = signal(null);
  effect(() => { if (pace.value != null) import("./clock_bar.js").then(it => { bar.value ??= it.clockBar; }); });

  return div({ class: "frame" },
    a({ class: "skip", href: "#main", onclick: event => { event.preventDefault(); document.getElementById("main").focus(); } }, "Skip to the page"),
    rail(preload),
    header({ class: "top" },
      find(), span({ class: "spacer" }),
      () => mark.value !== "none" && span({ class: "live", "data-state": mark.value },
        i(), span({ class: "wide" }, () => { const words = WORDS[mark.value]; return typeof words === "function" ? words() : words; }), span({ class: "sr" }, mark.value)),
      button({ class: "btn plain wide", onclick: toggleZone, title: "Times in UTC or of this place" }, zoneName),
      button({ class: "btn plain only", onclick: nextTheme, "aria-label": "Light or dark", title: "Light or dark" }, icon("moon")),
      menu({ label: span({ class: "clip wide" }, () => me.value?.organization?.name ?? "Account"), name: "Account", class: "btn plain", outer: "wide" }, close => [
        p({ class: "pad small quiet" }, () => `Signed in with ${keyName.value || "a key"}`),
        choice({ label: "Keyboard shortcuts", picture: icon("help"), onclick: () => (close(), openHelp()) }),
        choice({ label: "This browser", picture: icon("here"), onclick: () => (close(), go("here")) }),
        choice({ label: "Sign out", picture: icon("out"), onclick: signOut }),
      ])),
    div({ class: "notes" }, () => bar.value?.(), banners()),
    main({ class: "main", id: "main", tabindex: -1 }));
}

function rail(preload) {
  const here = () => route.value.parts[0];
  const place = it => li({ hidden: () => !isThere(it), class: `${it.isOnPhone ? "on-phone" : ""} ${it.isApart ? "apart" : ""}` }, a({
    href: `#/${it.path}`, "aria-current": () => ([it.path, it.also].includes(here()) ? "page" : null), onpointerenter: () => preload(it.path), title: it.label,
  }, icon(it.icon), span({ class: "label" }, it.short ? [it.short, em(it.label.slice(it.short.length))] : it.label),
  it.count && span({ class: () => `n ${it.isBad && counts.value[it.count] ? "bad" : ""}` }, () => {
    const n = counts.value[it.count];
    return n == null ? "" : short(n);
  })));
  return nav({ class: "rail", "aria-label": "Pages" },
    div({ class: "brand" }, svg.svg({ viewBox: "0 0 32 32", "aria-hidden": "true" },
      svg.rect({ width: 32, height: 32, rx: 7, fill: "currentColor" }),
      svg.path({ d: "M9 7v18M23 7v18M12 11h8M12 16h8M12 21h8", stroke: "var(--surface)", "stroke-width": 2.4, "stroke-linecap": "round", fill: "none" })), span("Spooled Lite")),
    ul(PLACES.map(place),
      li({ class: "dock on-phone" }, a({ href: "#/more", "aria-current": () => (PLACES.some(it => it.isOnPhone && it.path === here()) ? null : "page") }, icon("more"), span({ class: "label" }, "More")))));
}

// The worst alone: the others wait until it is gone.
function banners() {
  const isOld = signal(false);
  effect(() => {
    if (version.value && version.value.first !== version.value.now) isOutdated().then(is => { isOld.value = is; }, () => {});
  });
  const worst = () => {
    if (!reachable.value) return ["deadletter", b("The server does not answer."), " What you see was read before; nothing can be changed until it is back."];
    if (ready.value) return ["deadletter", b("The server takes no work."), ` ${reason(ready.value)}`];
    const checks = health.value?.checks ?? {};
    if (checks.writer && checks.writer !== "ok") return ["deadletter", b("Writing has stopped."), ` The writer says: ${checks.writer}.`];
    if (checks.disk && checks.disk !== "ok") return ["deadletter", b(`The disk is ${checks.disk}.`), " When it is full, nothing new is stored."];
    if (health.value && health.value.durability !== "full") return ["retrying", b(`Durability is ${health.value.durability}.`), " A crash of the machine may lose the last moments."];
    if (isOld.value) return ["retrying", b("Another version runs now."), " ", button({ class: "btn",  onclick: () => location.reload() }, "Reload")];
    return null;
  };
  return when(() => worst(), () => () => {
    const it = worst();
    return it && p({ class: "banner", "data-s": it[0] }, icon("warn"), span(it.slice(1)));
  });
}
