// Pictures of one line, and the marks of statuses: what is told by colour is told by form and word as well.

import { el, svg } from "./dom.js";

// 16 by 16, drawn with a stroke of 1.5 in the colour of the text.
const PATHS = {
  home: "M2.5 7.5 8 3l5.5 4.5V13a.5.5 0 0 1-.5.5H10V10H6v3.5H3a.5.5 0 0 1-.5-.5z",
  jobs: "M3 4.5h10M3 8h10M3 11.5h6",
  queues: "M2.5 4h11v2.5h-11zM2.5 9.5h11V12h-11z",
  dead: "M4 13.5V6a4 4 0 0 1 8 0v7.5M2.5 13.5h11M6.5 7h3M8 5.5V10",
  workers: "M8 5.5A2.5 2.5 0 1 0 8 10.5A2.5 2.5 0 1 0 8 5.5M8 2v1.5M8 12.5V14M2 8h1.5M12.5 8H14M3.8 3.8l1 1M11.2 11.2l1 1M3.8 12.2l1-1M11.2 4.8l1-1",
  tasks: "M2.5 4.5 3.5 5.5 5.5 3.5M2.5 11 3.5 12 5.5 10M8.5 4.5h5M8.5 11h5",
  topics: "M2.5 8H6l4-4.5h3M6 8h7M6 8l4 4.5h3",
  clock: "M8 2.5A5.5 5.5 0 1 0 8 13.5A5.5 5.5 0 1 0 8 2.5M8 5v3l2 1.5",
  flow: "M3 3h3.5v3H3zM9.5 3H13v3H9.5zM6.25 10h3.5v3h-3.5zM4.75 6v1.5h6.5V6M8 7.5V10",
  flows: "M2.5 4h4l3 8h4M9.5 4h4",
  hook: "M5 9.5a3 3 0 1 0 3 3V8a3 3 0 1 1 4 2.8",
  inbox: "M2.5 9.5 4 3.5h8l1.5 6V12.5h-11zM2.5 9.5H6L7 11h2l1-1.5h3.5",
  events: "M2 8h2.5L6.5 3l3 10 2-5H14",
  key: "M10 2.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 1 0 0-7M7.5 8.5 2.5 13.5M4.5 11.5l1.5 1.5",
  org: "M3 13.5v-10h6v10M9 6.5h4v7M5 6h2M5 8.5h2M5 11h2M2 13.5h12",
  acts: "M4 2.5h8v11H4zM6 5.5h4M6 8h4M6 10.5h2",
  server: "M3 3h10v4H3zM3 9h10v4H3zM5 5h.01M5 11h.01",
  flask: "M5.5 2.5h5M6.5 2.5V6.5L3 13h10L9.5 6.5V2.5M5 10h6",
  here: "M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3",
  more: "M3.5 8h1M7.5 8h1M11.5 8h1",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9M10.5 10.5l3 3",
  retry: "M13 8a5 5 0 1 1-1.5-3.5M13 2.5V5h-2.5",
  stop: "M4.5 4.5h7v7h-7z",
  pause: "M6 4v8M10 4v8",
  play: "M5 3.5 12 8l-7 4.5z",
  trash: "M3.5 4.5h9M6.5 4.5v-1.5h3v1.5M4.5 4.5l.5 9h6l.5-9",
  edit: "M3 13l.5-2.5 7-7 2 2-7 7z",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
  save: "M8 2.5v7.5M5 7.5l3 3 3-3M3 13.5h10",
  up: "M8 13V3.5M4 7l4-4 4 4",
  down: "M4 6.5 8 10l4-3.5",
  right: "M6.5 4 10 8l-3.5 4",
  left: "M9.5 4 6 8l3.5 4",
  plus: "M8 3.5v9M3.5 8h9",
  close: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  moon: "M12.5 9.5A5 5 0 1 1 6.5 3.5 4 4 0 0 0 12.5 9.5z",
  warn: "M8 2.5 14 13H2zM8 6.5v3M8 11.5h.01",
  ok: "M3.5 8.5 6.5 11.5 12.5 4.5",
  info: "M8 2.5A5.5 5.5 0 1 0 8 13.5A5.5 5.5 0 1 0 8 2.5M8 7.5V11M8 5h.01",
  help: "M8 2.5A5.5 5.5 0 1 0 8 13.5A5.5 5.5 0 1 0 8 2.5M6.5 6.5a1.5 1.5 0 1 1 2 1.4c-.4.2-.5.4-.5.8M8 11h.01",
  lock: "M4 7.5h8v5.5H4zM5.5 7.5v-2a2.5 2.5 0 0 1 5 0v2",
  out: "M9.5 5V3h-6v10h6v-2M6.5 8h7M11.5 6l2 2-2 2",
};

const RING = "M8 3A5 5 0 1 0 8 13A5 5 0 1 0 8 3z", DISC = "M8 2.5A5.5 5.5 0 1 0 8 13.5A5.5 5.5 0 1 0 8 2.5z";
// Outline; a filled part; lines cut into the filled outline.
export const MARKS = {
  pending: [RING],
  scheduled: [PATHS.clock],
  processing: [RING, "M8 3A5 5 0 0 1 8 13z"],
  completed: [DISC, null, "M5.5 8.25 7.25 10 10.5 6.25"],
  retrying: [PATHS.retry],
  deadletter: ["M3 3h10v10H3z", null, "M5.75 5.75l4.5 4.5M10.25 5.75l-4.5 4.5"],
  failed: ["M3 3h10v10H3z", null, "M5.75 5.75l4.5 4.5M10.25 5.75l-4.5 4.5"],
  cancelled: [`${DISC}M4.2 4.2l7.6 7.6`],
  blocked: [PATHS.lock],
  paused: [PATHS.pause],
  warn: [PATHS.warn],
};

export const WORDS = {
  pending: "Pending", scheduled: "Scheduled", processing: "Processing", completed: "Completed", retrying: "Retry waiting",
  deadletter: "Dead letter", failed: "Failed", cancelled: "Cancelled", blocked: "Waits for a parent", paused: "Paused",
  warn: "Attention",
};

export const icon = (name, more = "") =>
  svg.svg({ class: `icon ${more}`, viewBox: "0 0 16 16", "aria-hidden": "true" }, svg.path({ d: PATHS[name] }));

export function mark(name) {
  const [outline, half, cut] = MARKS[name] ?? MARKS.pending;
  return svg.svg({ class: name === "processing" ? "icon turn" : "icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg.path({ d: outline, fill: cut ? "currentColor" : "none" }),
    half && svg.path({ d: half, fill: "currentColor", stroke: "none" }),
    cut && svg.path({ d: cut, stroke: "var(--surface)" }));
}

// A status as people read it: shape, colour, word.
export const status = (name, words = WORDS[name] ?? name) => el.span({ class: "status", "data-s": name }, mark(name), el.span(words));

// What the row of a job is in, finer than its status: waiting for another attempt, or for a parent.
export function stateOf(job, nowMs) {
  if (job.status !== "pending" && job.status !== "scheduled") return job.status;
  if (job.dependencies_met === false) return "blocked";
  const isLater = job.scheduled_at && Date.parse(job.scheduled_at) > nowMs;
  return isLater && job.retry_count > 0 ? "retrying" : job.status;
}
