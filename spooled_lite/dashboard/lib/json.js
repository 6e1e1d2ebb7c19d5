// JSON as it was sent: key order, digits, escapes and repeated keys stay. It is cut into lines, never rebuilt.
//
//   const it = readJson(text, { masks: new Set(["password"]) });
//   it.error           null, or { message, at, line, column }
//   it.count           lines; it.line(n) is { depth, key, text, kind, end, size, isMasked, hasComma }
//   shownLines(it, closed)     numbers of the lines that are not folded away; `closed` has the lines folded
//   formatted(text)    indented; a text that is no JSON stays as it is
//
// One pass with a stack of its own: depth costs nothing, and no text takes longer than its length.

const DEPTH_FORMATTED_MAX = 500; // deeper, the spaces alone would be larger than the text
const WORD = /true|false|null/y, NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const HEX = /[0-9a-fA-F]{4}/y;
const ESCAPED = '"\\/bfnrt', BLANK = " \t\n\r";

// What would be unseen, or would turn the text around it: shown as the escape it could have been.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
export const visible = text => text.replace(UNSEEN, it => `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`);

class Wrong extends Error {
  constructor(message, at) {
    super(message);
    this.at = at;
  }
}

export function placeOf(text, at) {
  const before = text.slice(0, at), line = before.split("\n").length;
  return { at, line, column: at - before.lastIndexOf("\n") };
}

export function readJson(text, { masks = new Set() } = {}) {
  // Of each line: its depth, its key from–to, its value from–to, kind, last line, members, flags.
  const all = [];
  try {
    cut(text, masks, all);
  } catch (wrong) {
    if (!(wrong instanceof Wrong)) throw wrong;
    return { text, count: 0, line: () => null, error: { message: wrong.message, ...placeOf(text, wrong.at) } };
  }
  const line = n => {
    const it = all[n];
    return {
      depth: it.depth, kind: it.kind, end: it.end, size: it.size, isMasked: it.isMasked, hasComma: it.hasComma,
      key: it.keyTo ? text.slice(it.key, it.keyTo) : null, text: text.slice(it.from, it.to),
    };
  };
  const span = n => text.slice(all[n].from, all[all[n].end].to); // the whole value that begins there
  return { text, error: null, count: all.length, line, span, place: n => [all[n].from, all[all[n].end].to], endOf: n => all[n].end, depthOf: n => all[n].depth };
}

function cut(text, masks, all) {
  const open = []; // numbers of the lines whose container is open
  let at = 0, key = 0, keyTo = 0, isMasked = false;
  const blank = () => { while (at < text.length && BLANK.includes(text[at])) at++; };
  const wrong = what => { throw new Wrong(at >= text.length ? "The text ends too early" : what, at); };
  const matched = expression => {
    expression.lastIndex = at;
    return expression.test(text) ? expression.lastIndex : 0;
  };

  function string() {
    const from = at++;
    for (;;) {
      const code = text.charCodeAt(at);
      if (code === 0x22) break;
      if (!(code >= 0x20)) wrong("A line break or control character inside a text");
      at++;
      if (code !== 0x5c) continue;
      if (text[at] === "u") {
        at++;
        if (!matched(HEX)) wrong("Four hexadecimal digits belong after \\u");
        at += 4;
      } else if (at < text.length && ESCAPED.includes(text[at])) at++;
      else wrong("Not an escape");
    }
    at++;
    return from;
  }

  function push(kind, from, to) {
    const above = open.at(-1);
    if (above !== undefined && kind !== "}" && kind !== "]") all[above].size++;
    all.push({
      depth: open.length, key, keyTo, from, to, kind, end: all.length, size: 0, hasComma: false,
      isMasked: isMasked || (above !== undefined && all[above].isMasked),
    });
    [key, keyTo, isMasked] = [0, 0, false];
  }

  // The key and its colon, before a value of an object.
  function name() {
    if (text[at] !== '"') wrong("A name in double quotes is missing");
    key = string();
    keyTo = at;
    isMasked = masks.size > 0 && masks.has(JSON.parse(text.slice(key, keyTo)).toLowerCase());
    blank();
    if (text[at] !== ":") wrong("A colon is missing");
    at++;
    blank();
  }

  // A value, or the opening of one. True when it has no end yet.
  function value() {
    const from = at, first = text[at];
    let to;
    if (first === "{" || first === "[") {
      at++;
      blank();
      if (text[at] === (first === "{" ? "}" : "]")) {
        at++;
        push("e", from, at);
        return false;
      }
      push(first, from, from + 1);
      open.push(all.length - 1);
      return true;
    }
    if (first === '"') {
      string();
      push("s", from, at);
    } else if ((to = matched(WORD)) || (to = matched(NUMBER))) {
      at = to;
      push(first === "-" || (first >= "0" && first <= "9") ? "n" : "z", from, at);
    } else wrong(at < text.length ? `Unexpected ${visible(text[at])}` : "");
    return false;
  }

  blank();
  for (;;) {
    if (open.length && all[open.at(-1)].kind === "{") name();
    if (value()) continue;
    // After a value: its comma, or the ends of what it stands in.
    for (;;) {
      blank();
      if (!open.length) {
        if (at < text.length) wrong("Something stands after the end");
        return;
      }
      const above = all[open.at(-1)];
      if (text[at] === ",") {
        // The last line of this depth is the one before, closed or not.
        all.at(-1).hasComma = true;
        at++;
        blank();
        break;
      }
      if (text[at] !== (above.kind === "{" ? "}" : "]")) wrong(`A comma or ${above.kind === "{" ? "}" : "]"} is missing`);
      open.pop();
      push(text[at], at, ++at);
      above.end = all.length - 1;
    }
  }
}

// In order, without what lies inside a folded container, and without its closing line.
export function shownLines(it, closed) {
  const shown = [];
  for (let n = 0; n < it.count; n++) {
    shown.push(n);
    if (closed.has(n)) n = it.endOf(n);
  }
  return shown;
}

// Which containers to fold so that at most `max` lines are shown: the deepest first; the outermost stays open.
export function foldedTo(it, max) {
  if (it.count <= max) return new Set();
  const perDepth = []; // lines at each depth, without closing ones
  for (let n = 0; n < it.count; n++) perDepth[it.depthOf(n)] = (perDepth[it.depthOf(n)] ?? 0) + 1;
  let depth = 0, lines = perDepth[0];
  while (depth + 1 < perDepth.length && lines + perDepth[depth + 1] <= max) lines += perDepth[++depth];
  const closed = new Set(), from = Math.max(1, depth);
  for (let n = 0; n < it.count; n++) if (it.endOf(n) > n && it.depthOf(n) >= from) closed.add(n);
  return closed;
}

export function formatted(text) {
  const it = readJson(text), lines = [];
  if (it.error) return text;
  for (let n = 0; n < it.count; n++) {
    const { depth, key, text: value, hasComma, kind } = it.line(n);
    if (depth > DEPTH_FORMATTED_MAX) return text;
    const written = kind === "e" ? value[0] + value.at(-1) : value;
    lines.push(`${"  ".repeat(depth)}${key === null ? "" : `${key}: `}${written}${hasComma ? "," : ""}`);
  }
  return lines.join("\n");
}

// The bytes of a member as they stand in the answer: of an outermost object, and of each object of an outermost list.
function spansOf(text, name, depth) {
  const it = readJson(text), found = [];
  for (let n = 1; n < it.count; n = it.depthOf(n) < depth ? n + 1 : it.endOf(n) + 1) {
    const { key } = it.line(n);
    if (key !== null && it.depthOf(n) === depth && JSON.parse(key) === name) found.push(it.span(n));
  }
  return found;
}
export const memberOf = (text, name) => spansOf(text, name, 1).at(-1) ?? null;
export const membersOf = (text, name) => spansOf(text, name, 2);
