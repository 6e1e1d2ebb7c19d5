// Real nodes from functions named as their elements. What is a function of signals keeps itself up to date.
//
//   const { div, button } = el;                        svg.path({ d: "M0 0" })
//   div({ class: "head", hidden: () => !n.value },     attributes: values, functions or signals
//     "waiting ", () => count(n.value),                children: text, nodes, arrays, functions, signals, null
//     button({ onclick: () => n.value++ }, "More"));
//   list(() => rows.value, row => row.id, row => tr(td(() => row.value.status)))   row: a signal of the item
//   when(() => error.value, () => p("..."), () => p("..."))      made anew only when the truth of it turns
//   mount(parent, () => div())                         returns what takes it away again
//
// All text is text: nothing here reads markup, and nothing else in the dashboard makes nodes.

import { batch, computed, effect, isReadable, onDispose, scope, signal, untracked } from "./signal.js";

const SVG = "http://www.w3.org/2000/svg";
const PROPERTIES = new Set(["value", "checked", "indeterminate", "selected", "scrollTop"]);
// Where a link may lead: into this page, to what stands beside it, to another site.
const ADDRESS = /^(#|\.\/|https?:\/\/|mailto:|blob:)/i;

const named = create => new Proxy({}, { get: (_, name) => (...given) => fill(create(name), given) });
// A button sends its form only when it says that it submits.
export const el = named(name => Object.assign(document.createElement(name), name === "button" && { type: "button" }));
export const svg = named(name => document.createElementNS(SVG, name));

function fill(node, given) {
  const [first] = given;
  const hasAttributes = first?.constructor === Object;
  append(node, hasAttributes ? given.slice(1) : given);
  if (hasAttributes) for (const name in first) attribute(node, name, first[name]);
  return node;
}

// `ref` is called with the node. `on...` listens; whatever else is a function is called for the value.
function attribute(node, name, value) {
  if (name === "ref") value(node);
  else if (name.startsWith("on")) listen(node, name.slice(2), value);
  else if (isReadable(value)) effect(() => set(node, name, value.value));
  else if (typeof value === "function") effect(() => set(node, name, value()));
  else set(node, name, value);
}

function listen(node, kind, act) {
  if (typeof act === "function") node.addEventListener(kind, event => batch(() => act(event)));
}

// `aria-` and `data-` say true and false in words; others are there or not.
function set(node, name, value) {
  const isWord = name.startsWith("aria-") || name.startsWith("data-");
  if (PROPERTIES.has(name)) {
    if (node[name] !== value) node[name] = value ?? "";
  } else if (name === "style") {
    for (const each in value) node.style.setProperty(each, value[each] ?? "");
  } else if (value == null || (value === false && !isWord) || isRefused(name, value)) {
    node.removeAttribute(name);
  } else {
    node.setAttribute(name, value === true && !isWord ? "" : value);
  }
}

function isRefused(name, value) {
  return name === "srcdoc" || ((name === "href" || name === "src") && !ADDRESS.test(value));
}

export function append(parent, child) {
  if (child == null || typeof child === "boolean") return;
  if (Array.isArray(child)) for (const each of child) append(parent, each);
  else if (child instanceof Node) parent.append(child);
  else if (isReadable(child)) parent.append(changing(() => child.value));
  else if (typeof child === "function") parent.append(changing(child));
  else parent.append(String(child));
}

// A child that is a function. Text is written into one text node; nodes stand between it and another.
function changing(read) {
  const start = new Text(), all = new DocumentFragment();
  let end = null;
  all.append(start);
  effect(() => {
    const it = read();
    const isText = typeof it === "string" || typeof it === "number";
    if (end) between(start, end).forEach(each => each.remove());
    const text = isText ? String(it) : "";
    if (start.data !== text) start.data = text;
    if (isText || it == null || typeof it === "boolean") return;
    if (!end) start.after((end = new Text()));
    const nodes = new DocumentFragment();
    append(nodes, it);
    end.before(nodes);
  });
  return all;
}

function between(start, end) {
  const nodes = [];
  for (let node = start.nextSibling; node !== end; node = node.nextSibling) nodes.push(node);
  return nodes;
}

// One node for each item, kept as long as its key is there. `make` gets a signal of the item, and its key.
export function list(read, key, make) {
  const last = new Text(), all = new DocumentFragment();
  let kept = new Map(); // in the order of the nodes
  all.append(last);
  effect(() => {
    const items = new Map((read() ?? []).map(item => [key(item), item]));
    for (const [name, row] of kept) {
      if (items.has(name)) continue;
      kept.delete(name);
      row.end();
      row.node.remove();
    }
    let next = kept.size ? kept.values().next().value.node : last;
    const ordered = new Map();
    for (const [name, item] of items) {
      const row = kept.get(name) ?? made(name, item);
      row.item.value = item;
      ordered.set(name, row);
      if (row.node === next) next = next.nextSibling;
      else last.parentNode.insertBefore(row.node, next);
    }
    kept = ordered;
  });
  onDispose(() => kept.forEach(row => row.end()));
  return all;

  // In a scope of its own: a row outlives a new order.
  function made(name, first) {
    const item = signal(first);
    const [node, end] = scope(() => make(item, name));
    return { item, node, end };
  }
}

// One of two children, made anew only when the truth of the condition turns.
export function when(condition, then, otherwise = () => null) {
  const isTrue = computed(() => Boolean(condition()));
  return () => {
    const branch = isTrue.value ? then : otherwise;
    return untracked(branch);
  };
}

// Put what `make` gives into a node. Returns what takes it away and ends its effects.
export function mount(parent, make) {
  const start = new Text(), last = new Text();
  parent.append(start, last);
  const [, end] = scope(() => {
    const nodes = new DocumentFragment();
    append(nodes, make());
    last.before(nodes);
  });
  return () => {
    end();
    between(start, last).forEach(each => each.remove());
    start.remove();
    last.remove();
  };
}

// A style sheet that one page alone needs, at the top of its script: `await sheet("dead.css")`. Without it the
// page is plain, and works.
export const sheet = name => new Promise(done => {
  document.head.append(el.link({ rel: "stylesheet", href: new URL(`../${name}`, import.meta.url).href, onload: done, onerror: done }));
});
