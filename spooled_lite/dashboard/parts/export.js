// All that match, as JSON lines in a file: read page by page, as the list is. No payloads, no secrets.

import { get } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { icon } from "../lib/icons.js";
import { signal } from "../lib/signal.js";
import { ROWS_MAX } from "../lib/store.js";
import { sentence } from "./states.js";
import { toast } from "./toast.js";

const { button, span, a } = el;
const PAGE = 100;

export function exportButton({ name, path, query }) {
  const written = signal(null); // rows so far
  let isStopped = false;

  async function run() {
    if (written.peek() != null) return void (isStopped = true);
    isStopped = false;
    const lines = [];
    let before = null, seen = [];
    try {
      for (written.value = 0; lines.length < ROWS_MAX && !isStopped; ) {
        const page = await get(path, { ...query(), limit: PAGE, created_before: before ?? query().created_before, offset: seen.length || null });
        lines.push(...page.map(it => JSON.stringify(it)));
        written.value = lines.length;
        if (page.length < PAGE) break;
        // Again from the moment of the last row on, without those of that moment.
        const last = page.at(-1).created_at;
        seen = [...seen, ...page].filter(it => it.created_at === last);
        before = new Date(Date.parse(last) + 1).toISOString();
      }
      save(`${name}.jsonl`, lines);
      toast(`${count(lines.length)} written${lines.length >= ROWS_MAX ? ": no more at once" : ""}`);
    } catch (error) {
      toast(`Nothing was written: ${sentence(error)}`);
    } finally {
      written.value = null;
    }
  }

  return button({ class: "btn", onclick: run, title: "All that match, as JSON lines" },
    icon("save"), span({ class: "wide" }, () => (written.value == null ? "Export" : `${count(written.value)} … Stop`)));
}

function save(name, lines) {
  const url = URL.createObjectURL(new Blob([lines.map(line => `${line}\n`).join("")], { type: "application/jsonl" }));
  const link = a({ href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
