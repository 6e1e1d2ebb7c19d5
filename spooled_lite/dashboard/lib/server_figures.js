// How the server is, in figures: what is read becomes lines, each judged. Pure, but for the words of reasons.
//
//   const read = { at: nowMs(), values: parsed(text) }            of GET /metrics/prometheus
//   figuresOf({ health, trouble, server, before, after, nowMs })  [{ name, value, note, tone }], the worst first
//
// `tone`: failed (bad), retrying (worth a look), completed (good), pending (not measured yet), or null: nothing to judge.

import { bytes, count, plural, span } from "./format.js";

const BAD = "failed", ODD = "retrying", GOOD = "completed", UNKNOWN = "pending";
const ORDER = { [BAD]: 0, [ODD]: 1, [GOOD]: 2, [UNKNOWN]: 2, null: 3 };
const WAL_ODD = 256 * 1024 ** 2; // what the log is emptied at is far less
const LAG_ODD = 0.1, LAG_BAD = 0.25, WAIT_ODD = 0.1, WAIT_BAD = 1, COMMIT_ODD = 0.1, COMMIT_BAD = 1; // seconds
const LINE_ODD = 0.1, LINE_BAD = 0.5, FILES_ODD = 0.8, CPU_ODD = 0.9; // of what there is
const BACKUP_ODD_MS = 26 * 3_600_000; // without a backup
const LATE_MS = 60_000; // of a loop behind its time, of work that is not in the archive

// Name, or name{le="…"}, and number: of lines without labels that callers choose.
export function parsed(text) {
  const values = new Map();
  for (const line of text.split("\n")) {
    const found = /^(\w+(?:\{le="[^"]*"\})?) (\S+)$/.exec(line);
    if (found && found[2] !== "NaN") values.set(found[1], Number(found[2]));
  }
  return values;
}

const judged = (value, odd, bad) => (value > bad ? BAD : value > odd ? ODD : GOOD);

// The bound below which a share of what was observed between two reads lies; null: nothing was.
export function within(before, after, name, share) {
  const start = `${name}_bucket{le="`, all = [];
  for (const [key, n] of after.values) if (key.startsWith(start)) all.push([key.slice(start.length, -2), n - (before?.values.get(key) ?? 0)]);
  const total = all.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return null;
  return Number(all.find(([, n]) => n >= total * share)[0].replace("+Inf", "Infinity"));
}
const atMost = (seconds, all) => (seconds === Infinity ? `over ${span(all * 1000)}` : `at most ${span(seconds * 1000)}`);

export function figuresOf({ health, trouble, server, before, after, nowMs }) {
  const lines = [], add = (name, value, tone, note = "") => lines.push({ name, value, tone, note });
  const checks = health?.checks ?? {};
  if (health) {
    add("Takes work", trouble ? "no" : "yes", trouble ? BAD : GOOD, trouble ?? "");
    add("Durability", health.durability, health.durability === "full" ? GOOD : ODD, health.durability === "full" ? "What was acknowledged is on the disk" : "A crash of the machine may lose the last moments");
    add("Up", span(health.uptime_seconds * 1000), null);
  }
  if (checks.archive) ofArchive(add, checks.archive, nowMs);
  const disk = { ok: [GOOD, ""], low: [ODD, "Low. "], full: [BAD, "Full. "] }[checks.disk] ?? [GOOD, ""];
  const writer = server?.writer.state ?? checks.writer, log = server?.database.wal_bytes ?? checks.wal_bytes;
  if (writer) add("Writing thread", writer, writer === "ok" ? GOOD : BAD, { stalled: "It has given no answer for 2 seconds", failed: "It has ended: start the server again" }[writer]);
  if (log != null) add("Write-ahead log", bytes(log), log > WAL_ODD ? ODD : GOOD, log > WAL_ODD ? "It grows while a long read keeps it from being emptied" : whole(server, nowMs));
  if (!server) {
    if (checks.disk) add("Disk", checks.disk, ...disk);
    return sorted(lines);
  }
  add("Room on the disk", bytes(Math.max(0, server.disk.free_bytes)), disk[0], `${disk[1]}Nothing new is stored with less than ${bytes(server.disk.reserve_bytes)}`);
  add("Database file", bytes(server.database.bytes), null);
  ofLines(add, server);
  ofLoops(add, server, nowMs);
  ofBackup(add, server.backup, nowMs);
  if (after) ofMetrics(add, before, after);
  return sorted(lines);
}

const sorted = lines => lines.toSorted((a, b) => ORDER[a.tone] - ORDER[b.tone]);
const whole = (server, nowMs) => (server?.database.checkpointed_at ? `All of it was in the file ${span(Math.max(0, nowMs - Date.parse(server.database.checkpointed_at)))} ago` : "");

function ofBackup(add, backup, nowMs) {
  if (!backup) return add("Backup", "none by itself", null, "Set backup_to, or run spooled-lite backup: it works while the server runs");
  const age = backup.at && nowMs - Date.parse(backup.at);
  add("Backup", backup.at ? `${span(Math.max(0, age))} ago` : "none yet", backup.problem ? BAD : backup.at && age < BACKUP_ODD_MS ? GOOD : ODD, backup.problem ?? backup.to);
}

function ofArchive(add, { at, lag_seconds: lag, well }, nowMs) {
  const isLate = lag * 1000 > LATE_MS;
  add("Archive", !well ? "not well" : lag >= 1 ? `${span(lag * 1000)} behind` : "up to date", !well ? BAD : isLate ? ODD : GOOD,
    !well ? "It is refused, broken, or cannot be written: the log says why" : at ? `What was committed ${span(Math.max(0, nowMs - Date.parse(at)))} ago is in it` : "Nothing was put into it since the start");
}

function ofLines(add, { writer, settings }) {
  const waiting = Object.values(writer.lines).reduce((sum, n) => sum + n, 0), most = settings.find(it => it.name === "write_line_max")?.value ?? Infinity;
  add("Waits to be written", count(waiting), judged(waiting / most, LINE_ODD, LINE_BAD), Object.entries(writer.lines).map(([name, n]) => `${name} ${count(n)}`).join(", "));
}

function ofLoops(add, { loops }, nowMs) {
  const failing = loops.filter(it => it.failures), late = loops.filter(it => !it.failures && it.due_at && nowMs - Date.parse(it.due_at) > LATE_MS);
  const names = (failing.length ? failing : late).map(it => it.name).join(", ");
  if (failing.length) add("Background loops", `${plural(failing.length, "fails", "fail")}`, BAD, names);
  else if (late.length) add("Background loops", `${plural(late.length, "is late", "are late")}`, ODD, names);
  else add("Background loops", plural(loops.length, "runs", "run"), GOOD);
}

function ofMetrics(add, before, after) {
  const of = name => after.values.get(name) ?? null, seconds = before ? Math.max(0.001, (after.at - before.at) / 1000) : null;
  // A counter that is less than before is of another start.
  const grown = name => (before ? Math.max(0, of(name) - (before.values.get(name) ?? 0)) : null);
  const rate = name => (before ? `${count(Math.round(grown(name) / seconds * 10) / 10)} a second` : "is being measured");
  const since = before && `in the last ${span(seconds * 1000)}`;
  const timed = (name, metric, share, odd, bad, words) => {
    const at = before && within(before, after, metric, share);
    if (!before) add(name, "is being measured", UNKNOWN);
    else add(name, at == null ? "nothing" : atMost(at, bad), at == null ? GOOD : judged(at, odd, bad), `${words}, ${since}`);
  };
  timed("Event loop is late", "spooled_loop_lag_seconds", 1, LAG_ODD, LAG_BAD, "Its slowest tick");
  timed("Wait before a commit", "spooled_writer_wait_seconds", 0.99, WAIT_ODD, WAIT_BAD, "99 of 100 batches");
  timed("Commit", "spooled_writer_commit_seconds", 0.99, COMMIT_ODD, COMMIT_BAD, "99 of 100, with the sync to the disk");
  add("Requests", rate("spooled_api_requests_total"), null, `${count(of("spooled_api_requests_total"))} since the start`);
  add("Commits", rate("spooled_writer_commit_seconds_count"), null, before ? `Jobs: ${rate("spooled_jobs_enqueued_total")} stored, ${rate("spooled_jobs_completed_total")} completed` : "");
  const total = (name, metric, tone, note, isAny = false) => {
    const more = grown(metric);
    add(name, count(of(metric)), (isAny ? of(metric) : more) > 0 ? tone : GOOD, more ? `${count(more)} ${since}. ${note}` : note);
  };
  total("Answers of 5xx", "spooled_api_errors_total", BAD, "Since the start");
  total("Deadlines repaired", "spooled_repaired_deadlines_total", BAD, "A timer that was missed is a bug: please report it", true);
  total("Streams that fell behind", "spooled_slow_streams_total", ODD, "Ended because they did not read");
  total("Log lines dropped", "spooled_log_lines_dropped_total", ODD, "Writing them took too long");
  const files = of("process_open_fds"), most = of("process_max_fds"), busy = before ? grown("process_cpu_seconds_total") / seconds : null;
  if (files != null) add("Open files", count(files), judged(files / most, FILES_ODD, 1), `of ${count(most)} that the system allows`);
  add("Processor", before ? `${Math.round(busy * 100)} %` : "is being measured", before ? judged(busy, CPU_ODD, Infinity) : UNKNOWN, before ? `of one core, ${since}` : "");
  if (of("process_resident_memory_bytes") != null) add("Memory", bytes(of("process_resident_memory_bytes")), null);
  add("Connections", count(of("spooled_http_connections")), null, `${plural(of("spooled_event_streams"), "stream")}, ${plural(of("spooled_websockets"), "WebSocket")}, ${plural(of("spooled_waiting_claims"), "claim")} that wait`);
}
