// The form of a message: for one queue, or published under a topic for all who are bound to it; and of a run of a task or a flow.
//
//   openMessage({ queue: "audit", after })     openMessage({ topic: "events.user.created", after })     openMessage({ task: "charge_card", after })
//   openMessage({ flow: "order_flow", after })

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { plural, shortId } from "../lib/format.js";
import { readJson } from "../lib/json.js";
import { signal } from "../lib/signal.js";
import { openDialog } from "./dialog.js";
import { editor } from "./editor.js";
import { form, textField } from "./form.js";
import { isTopic, told, TOPIC_HINT, whoGets } from "./topic.js";

const { div } = el;
const WORDS = ["jobs:write"];
const PRIORITY_MAX = 2_147_483_647;
export const runsOf = (name, kind = "tasks") => `/${kind}/${encodeURIComponent(name)}/runs`;
export const messagesOf = queue => `/queues/${encodeURIComponent(queue)}/messages`;
export const isObject = text => text.trim().startsWith("{") && !readJson(text).error;

export function openMessage({ queue, flow, task = flow, topic: given = "", body: carried = "{}", headers: heads = "", after }) {
  const isPublished = !queue && !task, member = task ? "input" : "body";
  const body = signal(carried), topic = signal(given), key = signal(""), headers = signal(heads), priority = signal(""), delay = signal(""), life = signal("");
  const wrongHeaders = () => (headers.value.trim() && !isObject(headers.value) ? "This is no object" : null);
  const wrongTopic = () => (topic.value.trim() && !isTopic(topic.value.trim()) && isPublished ? "This is no topic" : null);
  const ms = held => (held.peek().trim() ? Math.round(Number(held.peek()) * 1000) : undefined);

  // Body and headers go as they are written.
  const written = () => `${JSON.stringify({
    topic: topic.peek().trim() || undefined, concurrency_key: key.peek().trim() || undefined, priority: Number(priority.peek()) || undefined,
    delay_ms: ms(delay), expires_in_ms: ms(life),
  }).slice(0, -1)},${headers.peek().trim() && `"headers":${headers.peek()},`}"${member}":${body.peek()}}`.replace("{,", "{");

  openDialog({ title: task ? `Run ${task}` : queue ? `Send a message to ${queue}` : "Publish a message", isLarge: true, body: close => {
    const edited = editor(body, { name: task ? "Input" : "Body", rows: 8 }), who = isPublished && whoGets(() => topic.value.trim());
    const targets = () => who && who.targets()?.length;
    return form({
      label: task ? "Run" : queue ? "Send" : () => (targets() ? `Publish to ${plural(targets(), "target")}${who.isMore() ? " or more" : ""}` : "Publish"), words: flow ? ["workflows:write"] : WORDS, onCancel: close,
      obstacle: () => (edited.error.value ? `The ${member} is not JSON` : wrongHeaders() ? "The headers are no object" : !isPublished ? null
        : !isTopic(topic.value.trim()) ? "Type a topic first" : targets() === 0 ? "Nobody is bound to this topic" : targets() ? null : "Who gets it is not known yet"),
      run: () => send("POST", task ? runsOf(task, flow && "flows") : queue ? messagesOf(queue) : "/publish", written()), after: it => (close(), after(it)),
      done: isPublished ? publishedText : sentText,
    },
    isPublished && [textField("Topic", topic, { hint: TOPIC_HINT, error: wrongTopic, autofocus: "", maxlength: 1000, spellcheck: "false" }), told(who)],
    edited,
    div({ class: "two" },
      textField("Key", key, { maxlength: 255, hint: `One ${task ? `unfinished run of the ${flow ? "flow" : "task"} has` : "message of a queue has"} this key at a time; a repeat is not stored` }),
      textField("Headers", headers, { error: wrongHeaders, hint: 'An object of JSON, such as {"source": "web"}', spellcheck: "false", class: "text mono" })),
    div({ class: "two" },
      queue && textField("Topic", topic, { maxlength: 1000, hint: "A label; it is not sent anywhere by it" }),
      textField("Priority", priority, { type: "number", min: -PRIORITY_MAX - 1, max: PRIORITY_MAX, hint: "Empty: 0; higher goes first" }),
      textField("Delay in seconds", delay, { type: "number", min: 0, step: "any", hint: "Empty: at once" }),
      textField("Expires after seconds", life, { type: "number", min: 0, step: "any", hint: "Empty: never" })));
  } });
}

const sentText = it => (it.created ? `${shortId(it.id)} is ${it.state === "skipped" ? "skipped: it does not meet the condition" : "there"}` : `Not stored: ${shortId(it.id)} has this key`);

function publishedText({ matched, targets }) {
  const had = targets.filter(it => it.created === false).length;
  return `${plural(matched, "target")} got it${had ? `; ${plural(had, "has", "have")} a message with this key already` : ""}`;
}
