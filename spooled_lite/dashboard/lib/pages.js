// The next pages of a list of jobs, the newest first: at the same cost however deep, from the time of the last
// row on, without those seen of that moment. `load(query)` reads a page; `first` is told what the first one had.

import { signal } from "./signal.js";

export function pages(of, load, size) {
  const hasMore = signal(false), isMore = signal(false);
  const first = found => (hasMore.value = found.length === size, found);
  async function more() {
    if (isMore.peek() || !hasMore.peek()) return;
    isMore.value = true;
    try {
      const all = of().all(), last = all.at(-1).created_at;
      const found = await load({ created_before: new Date(Date.parse(last) + 1).toISOString(), offset: all.filter(it => it.created_at === last).length });
      of().add(first(found));
    } finally {
      isMore.value = false;
    }
  }
  return { hasMore, isMore, first, more };
}
