// A list that no event tells of: read again, its rows change in place, what is new waits behind a button.
//
//   const again = newer(schedules, () => get("/schedules", …), "newer schedule");
//   again.refresh()      reads quietly          again.button      "2 newer schedules", when there are some

import { el, when } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { batch, signal } from "../lib/signal.js";
import { say } from "./toast.js";

const { button, div, kbd } = el;

// `gone(id)` is called for those that are there no more.
export function newer(of, load, noun, { gone } = {}) {
  const fresh = signal(0);
  async function refresh() {
    if (of.data.peek() == null || !of.ids.peek().length) return void of.read();
    const found = await load();
    batch(() => {
      let n = 0;
      for (const it of found) {
        if (of.row(it.id)) of.patch(it.id, it);
        else n++;
      }
      const now = gone && new Set(found.map(it => it.id));
      if (gone) of.ids.peek().filter(id => !now.has(id)).forEach(gone);
      if (n > fresh.peek()) say(plural(n, noun), { isRare: true });
      fresh.value = n;
    });
  }
  const read = () => ((fresh.value = 0), of.read());
  return {
    refresh, read, hasSome: () => fresh.peek() > 0,
    button: when(() => fresh.value, () => div({ class: "newer" }, button({ class: "btn", onclick: read }, icon("up"), () => plural(fresh.value, noun), kbd(".")))),
  };
}
