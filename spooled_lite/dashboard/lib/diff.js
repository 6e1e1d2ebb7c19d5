// Which lines were taken away and which were added: Myers, bounded in time and memory.
//
//   diffLines(before, after)        [{ kind: " " | "-" | "+", text, before, after }], numbers of lines from 1
//   diffHunks(lines, context)       the same with long stretches that are alike as { kind: "…", count }

// More differences than these, and what lies between is shown as taken away and added as a whole.
const EDITS_MAX = 400, LINES_MAX = 20_000;
const CONTEXT = 3;

export function diffLines(before, after) {
  const a = before.split("\n"), b = after.split("\n");
  let start = 0, end = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const mine = a.slice(start, a.length - end), theirs = b.slice(start, b.length - end);
  const lines = [];
  let i = 0, j = 0;
  const put = kind => {
    const isNew = kind === "+", text = isNew ? b[j] : a[i];
    lines.push({ kind, text, before: isNew ? null : i + 1, after: kind === "-" ? null : j + 1 });
    if (kind !== "+") i++;
    if (kind !== "-") j++;
  };
  for (let n = 0; n < start; n++) put(" ");
  for (const kind of edits(mine, theirs)) put(kind);
  for (let n = 0; n < end; n++) put(" ");
  return lines;
}

function edits(a, b) {
  const whole = [...a.map(() => "-"), ...b.map(() => "+")];
  if (!a.length || !b.length || a.length + b.length > LINES_MAX) return whole;
  const trace = walked(a, b);
  if (!trace) return whole;
  const kinds = [];
  let x = a.length, y = b.length;
  for (let d = trace.length - 1; d >= 0; d--) {
    const reached = trace[d], k = x - y;
    const isDown = k === -d || (k !== d && at(reached, k - 1) < at(reached, k + 1));
    const beforeK = isDown ? k + 1 : k - 1, beforeX = d ? at(reached, beforeK) : 0, beforeY = beforeX - beforeK;
    while (x > beforeX && y > (d ? beforeY : 0)) {
      kinds.push(" ");
      x--, y--;
    }
    if (d) kinds.push(isDown ? "+" : "-");
    [x, y] = [beforeX, beforeY];
  }
  return kinds.reverse();
}

const at = (reached, k) => reached[k + EDITS_MAX + 1];

// How far each diagonal reaches with 0, 1, 2 … edits, until the end is met; null when that takes too many.
function walked(a, b) {
  const reached = new Int32Array(2 * EDITS_MAX + 3), trace = [];
  for (let d = 0; d <= EDITS_MAX; d++) {
    trace.push(reached.slice());
    for (let k = -d; k <= d; k += 2) {
      const isDown = k === -d || (k !== d && at(reached, k - 1) < at(reached, k + 1));
      let x = isDown ? at(reached, k + 1) : at(reached, k - 1) + 1, y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) x++, y++;
      reached[k + EDITS_MAX + 1] = x;
      if (x >= a.length && y >= b.length) return trace;
    }
  }
  return null;
}

export function diffHunks(lines, context = CONTEXT) {
  const shown = [];
  for (let n = 0; n < lines.length; ) {
    let to = n;
    while (to < lines.length && lines[to].kind === " ") to++;
    if (to === n) {
      shown.push(lines[n++]);
      continue;
    }
    const head = n === 0 ? 0 : context, tail = to === lines.length ? 0 : context, hidden = to - n - head - tail;
    if (hidden > 1) shown.push(...lines.slice(n, n + head), { kind: "…", count: hidden }, ...lines.slice(to - tail, to));
    else shown.push(...lines.slice(n, to));
    n = to;
  }
  return shown;
}
