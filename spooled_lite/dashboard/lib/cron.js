// A cron expression in words, and what the change of a clock does to its slots.
//
//   readCron("30 2 * * 1-5")       { words: "at 02:30, Monday to Friday", fields, error: null }
//   readCron("61 * * * *").error   { message, from, to }: the place of the word that is wrong
//   clockMarks(slots, cron)        for slots as `/next` and `/preview` give them: null, or
//                                  { kind: "gap" | "repeat" | "forward" | "back", text } for each
//
// Five fields, six with seconds first, or a macro; the grammar is that of the server, which has the last word.

const MACROS = {
  "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
};
const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const DAYS_MAX = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const short = (names, first) => new Map(names.map((name, n) => [name.slice(0, 3).toUpperCase(), n + first]));
const FIELDS = [
  ["second", 0, 59], ["minute", 0, 59], ["hour", 0, 23], ["day of month", 1, 31],
  ["month", 1, 12, short(MONTHS, 1)], ["day of week", 0, 7, short(DAYS, 0)],
].map(([name, low, high, names = new Map()]) => ({ name, low, high, names }));
const LENGTH_MAX = 100, TIMES_MAX = 6;

class Wrong extends Error {
  constructor(message, from, to) {
    super(message);
    Object.assign(this, { from, to });
  }
}

export function readCron(expression) {
  try {
    const fields = parsed(expression);
    return { fields, words: inWords(fields), error: null };
  } catch (wrong) {
    if (!(wrong instanceof Wrong)) throw wrong;
    return { fields: null, words: "", error: { message: wrong.message, from: wrong.from, to: wrong.to } };
  }
}

function parsed(expression) {
  const all = [...expression.matchAll(/\S+/g)].map(it => ({ text: it[0], from: it.index, to: it.index + it[0].length }));
  const whole = message => { throw new Wrong(message, 0, expression.length); };
  if (!all.length) whole("It is empty");
  if (expression.length > LENGTH_MAX) whole(`At most ${LENGTH_MAX} characters, these are ${expression.length}`);
  if (all[0].text.startsWith("@")) {
    const macro = all.length === 1 && Object.hasOwn(MACROS, all[0].text.toLowerCase()) && MACROS[all[0].text.toLowerCase()];
    if (!macro) whole(`The macros are ${Object.keys(MACROS).join(", ")}`);
    return parsed(macro);
  }
  if (all.length !== 5 && all.length !== 6) whole(`5 or 6 fields are needed, this has ${all.length}`);
  if (all.length === 5) all.unshift({ text: "0", from: 0, to: 0 });
  return all.map((it, n) => field(FIELDS[n], it));
}

function field(kind, { text, from, to }) {
  const isAny = text === "*" || text === "?", members = [];
  if (isAny) return { text, isAny, members: [{ low: kind.low, high: kind.high, step: 1, isAll: true }], values: valuesOf(kind, [{ low: kind.low, high: kind.high, step: 1 }]) };
  let at = from;
  for (const part of text.split(",")) {
    members.push(member(kind, part, message => { throw new Wrong(`${kind.name}${part ? ` “${part}”` : ""}: ${message}`, at, at + part.length || to); }));
    at += part.length + 1;
  }
  return { text, isAny, members, values: valuesOf(kind, members) };
}

function member(kind, part, wrong) {
  if (part === "*" || part === "?") wrong("stands alone, not in a list");
  const found = /^(?:\*|(\d+|[a-z]{3})(?:-(\d+|[a-z]{3}))?)(?:\/(\d+))?$/i.exec(part);
  if (!found) wrong(part ? "not a value, a range or a step" : "an empty value");
  const number = text => {
    const value = /^\d/.test(text) ? Number(text) : kind.names.get(text.toUpperCase());
    if (value === undefined) wrong("not a number or a name of this field");
    if (value < kind.low || value > kind.high) wrong(`from ${kind.low} to ${kind.high}`);
    return value;
  };
  const isAll = found[1] === undefined, step = Number(found[3] ?? 1);
  const low = isAll ? kind.low : number(found[1]);
  let high = isAll ? kind.high : found[2] !== undefined ? number(found[2]) : found[3] !== undefined ? kind.high : low;
  if (low > high && kind !== FIELDS[5]) wrong("the range runs backwards");
  if (low > high) high += 7; // over the end of the week
  if (step < 1 || step > kind.high) wrong(`a step is from 1 to ${kind.high}`);
  return { low, high, step, isAll };
}

function valuesOf(kind, members) {
  const values = new Set();
  for (const { low, high, step } of members) for (let n = low; n <= high; n += step) values.add(kind === FIELDS[5] ? n % 7 : n);
  return [...values].sort((a, b) => a - b);
}

const two = n => String(n).padStart(2, "0");
const joined = (all, word = "and") => (all.length < 2 ? all.join("") : `${all.slice(0, -1).join(", ")} ${word} ${all.at(-1)}`);
const nth = n => `${n}${n % 10 === 1 && n !== 11 ? "st" : n % 10 === 2 && n !== 12 ? "nd" : n % 10 === 3 && n !== 13 ? "rd" : "th"}`;
const isEvery = it => it.isAny || it.values.length === it.size;

function inWords([second, minute, hour, day, month, weekday]) {
  [[second, 60], [minute, 60], [hour, 24], [day, 31], [month, 12], [weekday, 7]].forEach(([it, size]) => { it.size = size; });
  if (isNever(day, month, weekday)) return "never: there is no such date";
  const [time, isDaily] = times(second, minute, hour);
  const isOnDays = !day.isAny || !weekday.isAny;
  return [isDaily && !isOnDays ? `${time} daily` : time, dates(day, month, weekday)].filter(Boolean).join(", ");
}

function isNever(day, month, weekday) {
  return weekday.isAny && month.values.every(it => day.values[0] > DAYS_MAX[it - 1]);
}

// The time of the day, and whether it is a few times that "daily" can follow.
function times(second, minute, hour) {
  const few = second.values.length * minute.values.length * hour.values.length;
  if (few <= TIMES_MAX) {
    const all = hour.values.flatMap(h => minute.values.flatMap(m => second.values.map(s => `${two(h)}:${two(m)}${s ? `:${two(s)}` : ""}`)));
    return [`at ${joined(all)}`, true];
  }
  const isWholeMinute = second.values.length === 1 && second.values[0] === 0;
  if (isWholeMinute && minute.values.length === 1 && minute.values[0] === 0) return [each(hour, "hour", 24), false];
  const hours = isEvery(hour) ? "" : within(hour);
  if (isWholeMinute && minute.values.length > 1 && (isEvery(minute) || even(minute, 60))) return [`${each(minute, "minute", 60)}${hours}`, false];
  const of = isEvery(hour) ? " of every hour" : even(hour, 24) ? ` of ${each(hour, "hour", 24)}` : hours;
  if (isWholeMinute) return [`at ${values(minute, "minute")}${of}`, false];
  const inMinute = isEvery(second) || even(second, 60) ? each(second, "second", 60) : `at ${values(second, "second")}`;
  if (isEvery(minute)) return [`${inMinute}${/^at/.test(inMinute) ? " of every minute" : ""}${hours}`, false];
  return [`${inMinute} ${/^at/.test(inMinute) ? "of" : "in"} ${values(minute, "minute")}${of}`, false];
}

// The step when the values return after the same time, over the end of the hour or day as well.
function even({ members: [it, ...rest], values: [first] }, size) {
  return !rest.length && it.step > 1 && size % it.step === 0 && it.high > size - 1 - it.step && first < it.step ? it.step : 0;
}
function each(it, unit, size) {
  if (isEvery(it)) return `every ${unit}`;
  const step = even(it, size);
  if (!step) return `every hour${within(it, "00")}`;
  return `every ${step} ${unit}s${it.values[0] ? ` from ${unit === "hour" ? `${two(it.values[0])}:00` : `${unit} ${it.values[0]}`}` : ""}`;
}
// Of hours: "from 09:00 to 17:59", or each by name.
function within(hour, last = "59") {
  const [it, ...rest] = hour.members;
  if (!rest.length && it.step === 1) return ` from ${two(it.low)}:00 to ${two(it.high)}:${last}`;
  return even(hour, 24) ? ` of ${each(hour, "hour", 24)}` : ` in the hour${hour.values.length > 1 ? "s" : ""} ${joined(hour.values.map(two))}`;
}
function values({ members, values: all }, unit) {
  const [it, ...rest] = members;
  if (!rest.length && it.step > 1 && all.length > 3) return `every ${nth(it.step)} ${unit} (${it.low} to ${all.at(-1)})`;
  if (!rest.length && it.step === 1 && it.high > it.low) return `${unit}s ${it.low} to ${it.high}`;
  return `${unit}${all.length > 1 ? "s" : ""} ${joined(all)}`;
}

function dates(day, month, weekday) {
  const parts = [];
  if (!day.isAny) parts.push(`on ${daysOf(day)}`);
  // Both are given: one of them is enough.
  if (!weekday.isAny) parts.push(parts.length ? `or on ${weekdays(weekday)}` : weekdays(weekday));
  if (!month.isAny) parts.push(`in ${months(month)}`);
  return parts.join(" ");
}
function daysOf(day) {
  if (day.members.length === 1 && day.members[0].step > 1 && day.values.length > 3) {
    const [{ low, high, step }] = day.members;
    return `every ${nth(step)} day from the ${nth(low)}${high < 31 ? ` to the ${nth(high)}` : ""} of the month`;
  }
  return `${joined(day.members.map(range("the ", nth, day)))} of the month`;
}
const months = month => joined(month.members.map(range("", n => MONTHS[n - 1], month)));
function weekdays(weekday) {
  if (weekday.values.length === 1) return `${DAYS[weekday.values[0]]}s`;
  return joined(weekday.members.map(range("", n => DAYS[n % 7], weekday)));
}
// A member as "a to b", or all its values.
const range = (before, say, all) => it => {
  if (it.step > 1) return joined((all.members.length === 1 ? all.values : Array.from({ length: Math.floor((it.high - it.low) / it.step) + 1 }, (_, n) => it.low + n * it.step)).map(n => before + say(n)));
  return it.high > it.low ? `${before}${say(it.low)} to ${before}${say(it.high)}` : before + say(it.low);
};

const OFFSET = /(?:Z|([+-])(\d\d):(\d\d))$/, WALL = /^\d{4}-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)/;

// Slots are { utc, local }, oldest first: what the clock of the zone did between one and the next.
export function clockMarks(slots, { fields }) {
  return slots.map(({ local }, n) => {
    const before = slots[n - 1]?.local;
    const turned = before ? offset(local) - offset(before) : 0;
    const wall = WALL.exec(local)?.slice(3).map(Number);
    if (wall && fields && !fits(fields, wall)) return { kind: "gap", text: "its time does not exist on this day: it runs when the clock was set forward" };
    if (turned < 0 && local.slice(0, 19) <= before.slice(0, 19)) return { kind: "repeat", text: "the clock was set back: this time comes twice, and it runs in both" };
    if (turned) return { kind: turned > 0 ? "forward" : "back", text: `the clock was set ${turned > 0 ? "forward" : "back"} by ${amount(Math.abs(turned))}` };
    return null;
  });
}

function offset(local) {
  const [, sign, hours, minutes] = OFFSET.exec(local) ?? [];
  return sign ? (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) : 0;
}
const amount = minutes => (minutes % 60 ? `${minutes} min` : `${minutes / 60} h`);
const fits = ([second, minute, hour], [h, m, s]) => hour.values.includes(h) && minute.values.includes(m) && second.values.includes(s);
