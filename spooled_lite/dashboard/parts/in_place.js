// A list that is read again in its place: what has changed is patched, who is gone stays and says so, newer ones
// wait behind a button.
//
//   const it = inPlace(() => all, (query, ending) => …, { size: 100, noun: "message" })     load gives { found, hasMore }
//   const all = rows(it.first)      it.again(), it.more(), it.hasMore; it.button(), it.moreButton() as children
//
// The oldest first: as long as not all are shown, newer ones are behind "More". `isShifted`: whether rows on the first page may be missing there because others have come before them.

import { el, when } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { signal } from "../lib/signal.js";
import { say } from "./toast.js";

const { button, div, kbd } = el;

export function inPlace(of, load, { size, noun, isNewestFirst = false, isShifted = () => false }) {
  const newer = signal(new Set()), hasMore = signal(false);

  async function first(ending) {
    const page = await load({ limit: size }, ending);
    [newer.value, hasMore.value] = [new Set(), page.hasMore];
    return page.found;
  }
  async function more() {
    if (!hasMore.peek()) return;
    const page = await load({ limit: size, offset: of().all().filter(it => !it.isGone).length });
    hasMore.value = page.hasMore;
    of().add(page.found);
  }
  async function refresh() {
    const all = of(), page = await load({ limit: size }), found = new Map(page.found.map(it => [it.id, it])), fresh = new Set(newer.peek());
    for (const id of all.ids.peek().slice(0, size)) {
      if (found.has(id)) all.patch(id, { ...found.get(id), isGone: false });
      else if (!page.hasMore || !isShifted()) all.patch(id, { isGone: true });
    }
    if (isNewestFirst || !hasMore.peek()) for (const id of found.keys()) if (!all.row(id)) fresh.add(id);
    hasMore.value ||= page.hasMore;
    if (fresh.size === newer.peek().size) return;
    newer.value = fresh;
    say(plural(fresh.size, `newer ${noun}`), { isRare: true });
  }
  return {
    first, more, hasMore, again: () => (of().ids.peek().length ? refresh() : of().read()),
    button: () => when(() => newer.value.size, () => div({ class: "newer" }, button({ class: "btn", onclick: () => of().read() }, icon("up"), () => plural(newer.value.size, `newer ${noun}`), kbd(".")))),
    moreButton: () => when(() => hasMore.value && of().ids.value.length, () => div({ class: "newer" }, button({ class: "btn", onclick: more }, () => `${count(of().ids.value.length)} shown. More`))),
  };
}
