// The pieces every page is made of: its head, panels, facts, fields.

import { el } from "../lib/dom.js";
import { stampText, agoText } from "../lib/format.js";
import { effect, valueOf as read } from "../lib/signal.js";
import { title as pageTitle } from "../lib/router.js";

const { div, h1, h2, span, section, header, dl, dt, dd, time, label, small, p, pre } = el;

// The one h1 of a page; also the title of the tab. `title` is text or a function; `shown`: nodes instead of it.
export function head({ title, shown = title, note, acts = [] }) {
  effect(() => { pageTitle.value = read(title); });
  return div({ class: "head" }, h1({ tabindex: -1 }, shown), note && span({ class: "quiet" }, note), acts.length ? div({ class: "acts" }, acts) : null);
}

// { note, more, tone, class: … }, then what stands in it. `more` stands at the end of the line.
export function panel(title, { note, more, tone, icon, id, ...attributes } = {}, ...children) {
  return section({ ...attributes, class: `panel ${attributes.class ?? ""}`, "data-s": tone, id },
    title && header(icon, h2(title), note && span({ class: "quiet" }, note), more && span({ class: "more" }, more)), children);
}

// `more`: a class; "broad" for long values.
export const facts = (pairs, more = "") => dl({ class: `facts pad ${more}` },
  pairs.filter(Boolean).map(([name, ...value]) => div(dt(name), dd(value))));

// "4 s ago", with the whole stamp as a tooltip and for machines.
export const when = at => (at == null ? "–" : time({ title: () => stampText(at), datetime: new Date(at).toISOString() }, () => agoText(at)));

let fields = 0;
// A named control: field("Queue", input({...}), { hint, error: () => text or null }).
export function field(name, control, { hint, error = () => null } = {}) {
  const id = `field-${++fields}`;
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  effect(() => {
    control.setAttribute("aria-invalid", String(Boolean(error())));
    if (error()) control.setAttribute("aria-errormessage", `${id}-error`);
    else control.removeAttribute("aria-errormessage");
  });
  return div({ class: "field" }, label({ for: id }, name), control, hint && small({ id: `${id}-hint` }, hint),
    p({ class: "refused", id: `${id}-error`, hidden: () => !error() }, () => error()));
}

// Text of data as it is; long lines are wrapped.
export const code = (text, name, { isWrapped = true } = {}) =>
  pre({ class: isWrapped ? "code wrap" : "code", tabindex: 0, role: "region", "aria-label": name }, text);
