// Many jobs of pasted lines of JSON: checked while one types, sent a hundred at a time, what was refused by line.

import { ApiError, send } from "../lib/api.js";
import { el, when } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { readJson } from "../lib/json.js";
import { link } from "../lib/router.js";
import { computed, onDispose, signal } from "../lib/signal.js";
import { gated } from "./act.js";
import { field, panel } from "./panel.js";
import { radios } from "./form.js";
import { refused } from "./states.js";

const { a, button, div, i, input, li, p, textarea, ul } = el;
const AT_ONCE = 100; // what POST /jobs/bulk takes
const BYTES_AT_ONCE = 1024 * 1024;
const SHOWN_MAX = 50; // of what was refused

// [{ n, text, error }] of those that are not empty.
const linesOf = text => text.split("\n").map((line, at) => ({ n: at + 1, text: line.trim() })).filter(it => it.text)
  .map(it => ({ ...it, error: readJson(it.text).error }));

export function pastedLines(given) {
  const text = signal(""), queue = signal(given), kind = signal("payload");
  const sent = signal(0), made = signal(0), before = signal(0), bad = signal([]), error = signal(null), isRunning = signal(false);
  const lines = computed(() => linesOf(text.value)), wrong = computed(() => lines.value.filter(it => it.error));
  let ending = null;
  onDispose(() => ending?.abort());
  const isBegun = () => sent.value > 0, isOver = () => isBegun() && sent.value >= lines.value.length;

  const job = it => (kind.peek() === "payload" ? `{"payload":${it.text}}` : it.text);
  function next() {
    const all = lines.peek().slice(sent.peek(), sent.peek() + AT_ONCE);
    let size = 0;
    const fits = all.findIndex(it => (size += it.text.length) > BYTES_AT_ONCE);
    return fits < 0 ? all : all.slice(0, Math.max(1, fits));
  }
  async function run() {
    if (isRunning.peek()) return;
    [isRunning.value, error.value, ending] = [true, null, new AbortController()];
    try {
      while (sent.peek() < lines.peek().length && !ending.signal.aborted) {
        const all = next(), name = queue.peek().trim();
        const answer = await send("POST", "/jobs/bulk", `{${name && `"queue_name":${JSON.stringify(name)},`}"jobs":[${all.map(job).join(",")}]}`);
        made.value += answer.created;
        before.value += answer.success_count - answer.created;
        bad.value = [...bad.peek(), ...answer.failed.map(it => ({ n: all[it.index].n, why: it.error }))];
        sent.value += all.length;
      }
    } catch (reason) {
      if (!(reason instanceof ApiError)) throw reason;
      error.value = reason;
    } finally {
      isRunning.value = false;
    }
  }
  const again = () => [text.value, sent.value, made.value, before.value, bad.value, error.value] = ["", 0, 0, 0, [], null];
  const why = () => (wrong.value.length ? `Line ${wrong.value[0].n} is not JSON` : !lines.value.length ? "Paste lines first" : kind.value === "payload" && !queue.value.trim() ? "Name the queue first" : null);
  const start = gated({ label: el.span(() => (isBegun() ? `Send the other ${count(lines.value.length - sent.value)}` : lines.value.length ? `Create ${plural(lines.value.length, "job")}` : "Create the jobs")), icon: "play", kind: "main-act", words: ["jobs:write"], obstacle: why, onclick: run });

  return panel(null, {}, div({ class: "pad form" },
    radios("Each line is", kind, [["payload", "a payload"], ["job", "a job, with its payload, queue_name, priority …"]]),
    field("Queue", input({ value: queue, list: "queue-names", maxlength: 100, autocomplete: "off", disabled: isBegun, oninput: event => { queue.value = event.target.value; } }), { hint: "For the lines that name none" }),
    field("Lines of JSON", textarea({ rows: 14, spellcheck: "false", autocomplete: "off", dir: "ltr", value: text, readonly: () => isRunning.value || isBegun(), oninput: event => { text.value = event.target.value; } })),
    p({ class: "quiet small", role: "status" }, () => plural(lines.value.length, "line"),
      () => wrong.value.length > 0 && el.span({ class: "refused" }, `Line ${wrong.value[0].n}, column ${wrong.value[0].error.column}: ${wrong.value[0].error.message}.${wrong.value.length > 1 ? ` ${count(wrong.value.length - 1)} more are no JSON.` : ""}`)),
    when(isBegun, () => [
      div({ class: "progress", role: "progressbar", "aria-label": "Sent", "aria-valuenow": () => sent.value, "aria-valuemin": 0, "aria-valuemax": () => lines.value.length }, i({ style: () => ({ "--part": `${(100 * sent.value) / lines.value.length}%` }) })),
      p({ role: "status" }, () => `${plural(made.value, "job")} made`, () => before.value > 0 && `, ${count(before.value)} were there already`, () => bad.value.length > 0 && `, ${count(bad.value.length)} refused`, () => !isOver() && ` of ${count(lines.value.length)}`, "."),
      ul(() => bad.value.slice(0, SHOWN_MAX).map(it => li({ class: "refused" }, `Line ${it.n}: ${it.why}`))),
      () => bad.value.length > SHOWN_MAX && p({ class: "quiet" }, `${count(bad.value.length - SHOWN_MAX)} more were refused.`),
    ]),
    when(() => error.value, () => [refused(error.value), () => [0, 503].includes(error.value?.status) && p({ class: "quiet" }, () => `It is not known whether the lines from ${lines.value[sent.value]?.n} on were stored: check before you send them again.`)]),
    div({ class: "acts" },
      when(isOver, () => [a({ class: "btn main-act", href: () => link("jobs", { queue: queue.value.trim() }) }, "See the jobs"), button({ class: "btn", onclick: again }, "Paste others")], () => start),
      when(() => isRunning.value, () => button({ class: "btn", onclick: () => ending.abort() }, "Stop")))));
}
