// Steps of a workflow and what they wait for: links in topological order, arrow keys walk along the edges.
//
//   graph({ steps: () => [{ id, name, note, live, href }], edges: () => [[from, to]], stateOf: id => "completed",
//     isShown: id => true })                 stateOf and isShown read signals; a change of state moves nothing
//   stepList({ … the same })                 by layer, for a phone; `live`: what stands for the note when there is some
//
// Over twelve steps alike (same parents, same children) fold into one, those that went wrong first, and a hundred
// more are shown at a time; over 2,000 edges only those of the focused step are drawn. The layout is made anew only
// when steps or edges are others, and drawn in parts, so that no task holds the page up for long.

import { el, list, svg } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { mark, WORDS } from "../lib/icons.js";
import { visible } from "../lib/json.js";
import { layered } from "../lib/layered.js";
import { computed, effect, onDispose, signal, untracked } from "../lib/signal.js";
import "./drawn.js";

const { a, button, div, li, ol, p, small, span } = el;
const ALIKE_MAX = 12, OPENED_MORE = 100, EDGES_MAX = 2000, PART = 60;
const WIDTH = 184, HEIGHT = 40, ACROSS = 240, DOWN = 54, MARGIN = 16, NAME_MAX = 20, NOTE_MAX = 24;
const WORST_FIRST = ["deadletter", "failed", "processing", "retrying", "pending", "scheduled", "blocked", "cancelled", "completed"];

const cut = (text, max) => {
  const all = [...visible(text)];
  return all.length > max ? `${all.slice(0, max - 1).join("")}…` : all.join("");
};

// Groups of steps that are alike in what they wait for and what waits for them. `opened`: Map of the first of a group
// to how many more of it are shown.
export function folded(steps, edges, stateOf, opened) {
  const before = new Map(steps.map(it => [it.id, []])), after = new Map(steps.map(it => [it.id, []])), groups = new Map();
  for (const [from, to] of edges) {
    after.get(from)?.push(to);
    before.get(to)?.push(from);
  }
  for (const it of steps) {
    const key = JSON.stringify([before.get(it.id).sort(), after.get(it.id).sort()]);
    if (groups.has(key)) groups.get(key).push(it);
    else groups.set(key, [it]);
  }
  const gone = new Map(); // a folded step: what stands for it
  const shown = [];
  for (const [key, all] of groups) {
    const isLone = key === "[[],[]]"; // steps without any edge are alike in nothing
    const most = ALIKE_MAX + (opened.get(all[0].id) ?? 0);
    if (isLone || all.length <= most) {
      shown.push(...all);
      continue;
    }
    const rank = it => WORST_FIRST.indexOf(stateOf(it.id)), ordered = all.toSorted((one, other) => rank(one) - rank(other));
    const rest = ordered.slice(most - 1), more = { id: `more of ${all[0].id}`, more: rest, first: all[0].id };
    shown.push(...ordered.slice(0, most - 1), more);
    for (const it of rest) gone.set(it.id, more.id);
  }
  const kept = new Map();
  for (const [from, to] of edges) {
    const edge = [gone.get(from) ?? from, gone.get(to) ?? to];
    kept.set(JSON.stringify(edge), edge);
  }
  const rank = new Map(shown.map((it, n) => [it.id, n])); // the layout keeps this order where it can
  return { shown, edges: [...kept.values()].sort((one, other) => rank.get(one[1]) - rank.get(other[1])) };
}

// What is laid out, made anew only when ids or edges are others.
function laidOut({ steps, edges, stateOf, isShown = () => true }, opened) {
  const shape = computed(() => JSON.stringify([steps().filter(it => isShown(it.id)).map(it => it.id), edges(), [...opened.value]]));
  return computed(() => {
    shape.value;
    return untracked(() => {
      const all = folded(steps().filter(it => isShown(it.id)), edges(), stateOf, opened.peek());
      const plan = layered(all.shown.map(it => it.id), all.edges), byId = new Map(all.shown.map(it => [it.id, it]));
      const parents = new Map(), children = new Map();
      for (const { from, to } of plan.routes) {
        parents.set(to, [...(parents.get(to) ?? []), from]);
        children.set(from, [...(children.get(from) ?? []), to]);
      }
      return { ...plan, byId, parents, children };
    });
  });
}

// All of them, but a part in each task. Those drawn stay until `all` gives others.
function inParts(all) {
  const whole = computed(all), drawn = signal(PART);
  let timer = 0;
  const more = () => {
    if (drawn.peek() >= whole.peek().length) return;
    drawn.value += PART;
    timer = setTimeout(more);
  };
  effect(() => {
    whole.value;
    clearTimeout(timer);
    drawn.value = PART;
    timer = setTimeout(more);
  });
  onDispose(() => clearTimeout(timer));
  return () => whole.value.slice(0, drawn.value);
}

const openMore = (opened, it) => { opened.value = new Map(opened.peek()).set(it.first, (opened.peek().get(it.first) ?? 0) + OPENED_MORE); };
const openText = it => `+${count(it.more.length)} alike`;

// Said to readers, and as a tooltip.
function told(it, plan, stateOf) {
  if (it.more) return `${count(it.more.length)} more like these: show ${it.more.length > OPENED_MORE ? `${OPENED_MORE} of them` : "them"}`;
  const names = (plan.parents.get(it.id) ?? []).map(id => plan.byId.get(id)).map(parent => (parent.more ? `${count(parent.more.length)} more` : visible(parent.name)));
  const state = stateOf(it.id);
  return `${visible(it.name)}: ${WORDS[state] ?? state}${names.length ? `, waits for ${names.slice(0, 5).join(", ")}${names.length > 5 ? ` and ${count(names.length - 5)} more` : ""}` : ""}`;
}

export function graph(given) {
  const { stateOf } = given, opened = signal(new Map()), focused = signal(null), plan = laidOut(given, opened);
  let root, awaited = null; // what takes the focus once it is drawn
  const place = id => {
    const { layer, y } = plan.peek().at.get(id);
    return [MARGIN + layer * ACROSS, MARGIN + y * DOWN];
  };
  const isDense = () => plan.value.routes.length > EDGES_MAX;
  const focusOn = id => {
    const node = id != null && root.querySelector(`[data-step="${CSS.escape(id)}"]`);
    awaited = node ? null : id;
    node?.focus();
    node?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const open = it => {
    openMore(opened, it);
    focusOn(it.more[0].id);
  };

  // Right and left along the edges; up and down within the layer.
  function walk(event, id) {
    const { at, parents, children, order } = plan.peek(), { layer, y } = at.get(id);
    const column = order.filter(each => at.get(each).layer === layer).sort((one, other) => at.get(one).y - at.get(other).y), n = column.indexOf(id);
    const nearest = (all = []) => all.toSorted((one, other) => Math.abs(at.get(one).y - y) - Math.abs(at.get(other).y - y))[0];
    const to = { ArrowRight: () => nearest(children.get(id)), ArrowLeft: () => nearest(parents.get(id)), ArrowUp: () => column[n - 1], ArrowDown: () => column[n + 1] }[event.key];
    if (!to || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    focusOn(to());
  }

  function node(id) {
    const it = plan.peek().byId.get(id), [x, y] = place(id);
    if (id === awaited) queueMicrotask(() => focusOn(id));
    const own = { class: () => (it.more ? "node more" : "node"), "data-step": id, "aria-label": () => told(it, plan.peek(), stateOf), onkeydown: event => walk(event, id), onfocus: () => { focused.value = id; }, onblur: () => { focused.value = null; }, transform: `translate(${x} ${y})` };
    const box = svg.rect({ width: WIDTH, height: HEIGHT, rx: 6 });
    if (it.more) {
      return svg.a({ ...own, href: "#/", role: "button", onclick: event => { event.preventDefault(); open(it); } }, box,
        svg.text({ x: WIDTH / 2, y: HEIGHT / 2 + 4, "text-anchor": "middle" }, openText(it)));
    }
    return svg.a({ ...own, href: it.href, "data-s": () => stateOf(id) }, box, svg.title(() => told(it, plan.peek(), stateOf)),
      () => sized(mark(stateOf(id))),
      svg.text({ x: 34, y: it.note ? 17 : 24 }, cut(it.name, NAME_MAX)), it.note && svg.text({ class: "sub", x: 34, y: 32 }, () => cut(it.live?.() ?? it.note, NOTE_MAX)));
  }

  function edge({ from, to, points }) {
    const first = place(from), last = place(to), middle = points.slice(1, -1).map(([layer, y]) => [MARGIN + layer * ACROSS, MARGIN + y * DOWN + HEIGHT / 2]);
    let [x, y] = [first[0] + WIDTH, first[1] + HEIGHT / 2], d = `M${x} ${y}`;
    for (const [toX, toY] of [...middle, [last[0], last[1] + HEIGHT / 2]]) {
      const bend = (toX - x) / 2;
      d += `C${x + bend} ${y} ${toX - bend} ${toY} ${toX} ${toY}`;
      [x, y] = [toX, toY];
      if ([x, y].join() !== [last[0], last[1] + HEIGHT / 2].join()) d += `h${WIDTH}`, x += WIDTH;
    }
    const kind = () => (plan.peek().byId.get(from)?.more ? "" : { completed: "met", deadletter: "dead", failed: "dead", cancelled: "dead" }[stateOf(from)] ?? "");
    return svg.path({ class: () => `edge ${kind()}${focused.value === from || focused.value === to ? " at" : ""}`, d });
  }

  const width = () => 2 * MARGIN + Math.max(0, plan.value.layers - 1) * ACROSS + WIDTH;
  const height = () => 2 * MARGIN + HEIGHT + DOWN * [...plan.value.at.values()].reduce((most, it) => Math.max(most, it.y), 0);
  return div({ class: "graph", ref: it => { root = it; } },
    () => isDense() && p({ class: "small quiet pad" }, `${count(plan.value.routes.length)} edges: those of the step you are at are drawn.`),
    svg.svg({ width, height, role: "group", "aria-label": "Steps, in the order they run" },
      svg.g({ "aria-hidden": "true" }, list(inParts(() => (isDense() ? plan.value.routes.filter(it => it.from === focused.value || it.to === focused.value) : plan.value.routes)), it => it, (_, it) => edge(it))),
      svg.g(list(inParts(() => plan.value.order.map(id => ({ id }))), it => it, (_, it) => node(it.id)))));
}

function sized(node) {
  for (const [name, value] of Object.entries({ x: 10, y: HEIGHT / 2 - 8, width: 16, height: 16 })) node.setAttribute(name, value);
  return node;
}

// The same as a list: what runs first stands first, with what each waits for.
export function stepList(given) {
  const opened = signal(new Map()), plan = laidOut(given, opened), { stateOf } = given;
  return ol({ class: "steps" }, list(inParts(() => plan.value.order.map(id => ({ id }))), it => it, (_, { id }) => {
    const it = plan.peek().byId.get(id), level = String(Math.min(6, plan.peek().at.get(id).layer));
    if (it.more) return li({ style: { "--depth": level } }, button({ class: "btn link", onclick: () => openMore(opened, it) }, openText(it)));
    return li({ style: { "--depth": level }, "data-s": () => stateOf(id) }, span({ class: "status" }, () => mark(stateOf(id)), span({ class: "sr" }, () => `${WORDS[stateOf(id)] ?? stateOf(id)}: `)),
      a({ href: it.href }, visible(it.name)), it.note && small({ class: "quiet clip" }, () => visible(it.live?.() ?? it.note)));
  }));
}
