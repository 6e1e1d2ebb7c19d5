// Where the steps of a graph stand: in layers, with few crossings. Bounded in time for any graph.
//
//   layered(["a", "b"], [["a", "b"]])
//     at      Map of id to { layer, y }; y counts in steps from the top
//     routes  [{ from, to, points: [[layer, y], …] }], through the layers between
//     layers  how many
//     order   ids in topological order, for the keyboard and for readers
//
// Steps of a circle stand in the first layer: the server refuses such graphs.

const SWEEPS = 6, SPREADS = 8;
// Beyond these, long edges go straight, and crossings are no longer counted.
const BENDS_MAX = 4000, COUNTED_MAX = 1500;

export function layered(ids, edges) {
  const number = new Map(ids.map((id, n) => [id, n]));
  const out = ids.map(() => []), into = ids.map(() => []);
  for (const [from, to] of edges) {
    const a = number.get(from), b = number.get(to);
    if (a === undefined || b === undefined || a === b) continue;
    out[a].push(b);
    into[b].push(a);
  }
  const { layer, order } = ranked(out, into);
  const { layerOf, up, down, routes } = bent(layer, out, into);
  const rows = arranged(layerOf, up, down);
  const y = placed(rows, layerOf.length, up, down);
  const least = y.reduce((a, b) => Math.min(a, b), Infinity);
  return {
    at: new Map(ids.map((id, n) => [id, { layer: layer[n], y: y[n] - least }])),
    routes: routes.map(it => ({ from: ids[it[0]], to: ids[it.at(-1)], points: it.map(n => [layerOf[n], y[n] - least]) })),
    layers: rows.length,
    order: order.map(n => ids[n]),
  };
}

// The longest way from a start; a start moves to just before its first child.
function ranked(out, into) {
  const layer = out.map(() => 0), left = into.map(it => it.length), order = [];
  for (let n = 0; n < out.length; n++) if (!left[n]) order.push(n);
  for (let at = 0; at < order.length; at++) {
    for (const next of out[order[at]]) {
      layer[next] = Math.max(layer[next], layer[order[at]] + 1);
      if (!--left[next]) order.push(next);
    }
  }
  for (let n = 0; n < out.length; n++) if (left[n]) order.push(n), layer[n] = 0;
  for (const n of order.toReversed()) {
    if (!into[n].length && out[n].length) layer[n] = Math.max(0, out[n].reduce((least, next) => Math.min(least, layer[next]), Infinity) - 1);
  }
  return { layer, order };
}

// A bend in each layer that an edge passes, so that it takes a place there.
function bent(layer, out, into) {
  const layerOf = layer.slice(), up = into.map(() => []), down = out.map(() => []), routes = [];
  let bends = 0;
  out.forEach((all, n) => all.forEach(next => { bends += Math.max(0, layer[next] - layer[n] - 1); }));
  for (let n = 0; n < out.length; n++) {
    for (const next of out[n]) {
      const route = [n];
      for (let at = layer[n] + 1; bends <= BENDS_MAX && at < layer[next]; at++) {
        const bend = layerOf.push(at) - 1;
        up.push([route.at(-1)]);
        down.push([]);
        down[route.at(-1)].push(bend);
        route.push(bend);
      }
      down[route.at(-1)].push(next);
      up[next].push(route.at(-1));
      route.push(next);
      routes.push(route);
    }
  }
  return { layerOf, up, down, routes };
}

// The order in each layer: first as a walk in depth meets them, then by the mean of their neighbours.
function arranged(layerOf, up, down) {
  const last = layerOf.reduce((a, b) => Math.max(a, b), 0);
  const rows = Array.from({ length: last + 1 }, () => []);
  const seen = new Uint8Array(layerOf.length), at = new Float64Array(layerOf.length);
  const place = row => row.forEach((n, k) => { at[n] = k; });
  const first = [...layerOf.keys()].sort((a, b) => layerOf[a] - layerOf[b]);
  for (const start of first) {
    for (const stack = [start]; stack.length; ) {
      const n = stack.pop();
      if (seen[n]) continue;
      seen[n] = 1;
      rows[layerOf[n]].push(n);
      for (const next of down[n].toReversed()) if (!seen[next]) stack.push(next);
    }
  }
  rows.forEach(place);
  const isCounted = layerOf.length <= COUNTED_MAX;
  let best = rows.map(row => row.slice()), fewest = isCounted ? crossings(rows, down, at) : Infinity;
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep++) {
    const side = sweep % 2 ? down : up;
    for (const row of sweep % 2 ? rows.toReversed() : rows) {
      const wish = new Map(row.map(n => [n, side[n].length ? side[n].reduce((sum, it) => sum + at[it], 0) / side[n].length : at[n]]));
      row.sort((a, b) => wish.get(a) - wish.get(b) || at[a] - at[b]);
      place(row);
    }
    const now = isCounted ? crossings(rows, down, at) : Infinity;
    if (isCounted && now >= fewest) continue;
    fewest = now;
    best = rows.map(row => row.slice());
  }
  return best;
}

// Pairs of edges that cross: inversions, counted with a Fenwick tree.
function crossings(rows, down, at) {
  let found = 0;
  for (let n = 0; n + 1 < rows.length; n++) {
    const size = rows[n + 1].length, tree = new Int32Array(size + 2);
    let seen = 0;
    for (const from of rows[n]) {
      for (const end of down[from].map(to => at[to]).sort((a, b) => a - b)) {
        let before = 0;
        for (let i = end + 1; i > 0; i -= i & -i) before += tree[i];
        found += seen++ - before;
        for (let i = end + 1; i <= size; i += i & -i) tree[i]++;
      }
    }
  }
  return found;
}

// Each at the mean of its neighbours, a step apart from the next.
function placed(rows, size, up, down) {
  const y = new Array(size).fill(0);
  rows.forEach(row => row.forEach((n, k) => { y[n] = k; }));
  for (let time = 0; time < SPREADS; time++) {
    const side = time % 2 ? down : up;
    for (const row of time % 2 ? rows.toReversed() : rows) {
      spread(row, row.map(n => (side[n].length ? side[n].reduce((sum, it) => sum + y[it], 0) / side[n].length : y[n])), y);
    }
  }
  return y;
}

// The places nearest to the wished ones that keep the order and the distance: pool adjacent violators.
function spread(row, wished, y) {
  const blocks = [], mean = it => it.sum / it.count;
  row.forEach((_, k) => {
    let block = { sum: wished[k] - k, count: 1, from: k };
    while (blocks.length && mean(blocks.at(-1)) > mean(block)) {
      const last = blocks.pop();
      block = { sum: last.sum + block.sum, count: last.count + block.count, from: last.from };
    }
    blocks.push(block);
  });
  for (const block of blocks) for (let k = block.from; k < block.from + block.count; k++) y[row[k]] = mean(block) + k;
}
