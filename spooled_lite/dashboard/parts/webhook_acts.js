// What can be done with a webhook, on the page of all and on its own; the form of it; the check of a signature.

import { send } from "../lib/api.js";
import { el } from "../lib/dom.js";
import { signal } from "../lib/signal.js";
import { act } from "./act.js";
import { openDialog } from "./dialog.js";
import { areaField, checkField, checks, form, selectField, textField } from "./form.js";
import { icon, status } from "../lib/icons.js";

const { div, p, output, span } = el;
// Of deliveries and of the last one: which mark, which word.
export const LAST = { success: ["completed", "accepted"], failed: ["failed", "failed"], pending: ["retrying", "not yet"], auto_disabled: ["failed", "switched off by itself"] };
const EVENTS = [
  ["Jobs", ["created", "started", "completed", "failed", "retried", "deadlettered", "cancelled"].map(it => `job.${it}`)],
  ["Queues", ["paused", "resumed"].map(it => `queue.${it}`)],
  ["Workers", ["registered", "deregistered", "offline"].map(it => `worker.${it}`)],
  ["Schedules, workflows", ["schedule.triggered", "workflow.completed", "workflow.failed"]],
];
const FORMATS = [["json", "All there is, as JSON"], ["slack", "A message for Slack"], ["discord", "A message for Discord"], ["teams", "A message for Teams"]];

const CALL_MS = 40_000; // a receiver may be slow

export const path = id => `/outgoing-webhooks/${encodeURIComponent(id)}`;

export function switchAct(it, { after }) {
  const turn = enabled => send("PUT", path(it().id), { enabled });
  return act({
    label: () => (it().enabled ? "On" : "Off"), icon: () => (it().enabled ? "ok" : "stop"), words: ["webhooks:write"], after,
    name: () => `Switch ${it().name} ${it().enabled ? "off" : "on"}`,
    run: async () => { const was = it().enabled; await turn(!was); return was; },
    done: was => `${it().name} is ${was ? "off" : "on"}`, undo: was => turn(was),
  });
}

export const testAct = (it, { after, ...more }) => act({
  label: "Test", icon: "play", words: ["webhooks:write"], name: () => `Test ${it().name}`, hint: "Calls it once with the event webhook.test", after, ...more,
  run: () => send("POST", `${path(it().id)}/test`, {}, { wait: CALL_MS }),
  done: answer => (answer.success ? `${it().name} answered ${answer.status_code} in ${answer.response_time_ms} ms` : `${it().name} failed: ${answer.error ?? answer.status_code}`),
});

// Gives what the receiver answered; the delivery is recorded either way.
// Of a webhook, or without one of the completion webhook of `job`.
export const sendAgain = (id, delivery, job) => send("POST", id ? `${path(id)}/retry/${encodeURIComponent(delivery)}` : `/jobs/${encodeURIComponent(job)}/deliveries/${encodeURIComponent(delivery)}/retry`, {}, { wait: CALL_MS });

// `given`: the one to be changed; without it a new one is made.
export function openWebhook({ given = null, after }) {
  const name = signal(given?.name ?? ""), url = signal(given?.url ?? ""), secret = signal(""), noSecret = signal(false);
  const format = signal(given?.format ?? "json"), events = signal(new Set(given?.events ?? ["job.failed"]));
  const body = () => ({
    name: name.peek(), url: url.peek(), events: [...events.peek()], format: format.peek(),
    ...(noSecret.peek() ? { secret: null } : secret.peek() ? { secret: secret.peek() } : {}),
  });
  openDialog({
    title: given ? `Change ${given.name}` : "New webhook",
    body: close => form({
      label: given ? "Save" : "Create", words: ["webhooks:write"], onCancel: close, obstacle: () => (events.value.size ? null : "Choose an event"),
      run: () => (given ? send("PUT", path(given.id), body()) : send("POST", "/outgoing-webhooks", body())),
      done: () => (given ? `${name.peek()} is saved` : `${name.peek()} is made`), after: () => (close(), after()),
    },
    textField("Name", name, { maxlength: 255, autofocus: "" }),
    textField("Address", url, { type: "url", placeholder: "https://hooks.example.org/spooled" }),
    checks("Events", events, EVENTS),
    div({ class: "two" }, selectField("Body", format, FORMATS),
      textField("Secret", secret, { type: "password", autocomplete: "new-password", hint: given?.has_secret ? "It has one; empty keeps it" : "Signs every call; never shown again" })),
    given?.has_secret && checkField("Remove the secret: calls are no longer signed", noSecret)),
  });
}

// The signature as a receiver has to compute it. What is pasted here stays here.
export function openCheck(sent) {
  const secret = signal(""), stamp = signal(""), received = signal(""), text = signal(sent), result = signal("");
  const compute = async () => {
    const bytes = it => new TextEncoder().encode(it);
    const key = await crypto.subtle.importKey("raw", bytes(secret.peek()), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const signed = new Uint8Array(await crypto.subtle.sign("HMAC", key, bytes(`${stamp.peek().trim()}.${text.peek()}`)));
    result.value = `sha256=${Array.from(signed, it => it.toString(16).padStart(2, "0")).join("")}`;
  };
  const fits = () => received.value.trim() === result.value;
  openDialog({
    title: "Check it yourself", isLarge: true,
    body: close => [
      p({ class: "quiet" }, "X-Spooled-Signature is the HMAC-SHA256 of the text of X-Spooled-Timestamp, a dot and the body. This page computes it; the secret is sent nowhere and kept nowhere."),
      crypto.subtle ? form({ label: "Compute", run: compute, onCancel: close },
        div({ class: "two" }, textField("Secret", secret, { type: "password", autocomplete: "off", autofocus: "" }),
          textField("X-Spooled-Timestamp", stamp, { inputmode: "numeric", placeholder: "1796000000" })),
        textField("X-Spooled-Signature as received", received, { placeholder: "sha256=…", hint: "To compare; may stay empty" }),
        areaField("Body", text),
        output({ class: "grid" }, () => result.value && [span({ class: "mono", style: { "overflow-wrap": "anywhere" } }, result.value),
          received.value && (fits() ? status("completed", "It is the same") : status("failed", "It differs: another secret, another timestamp or a changed body"))]))
        : p({ class: "refused" }, icon("warn"), "A browser computes signatures only over HTTPS, or on the machine of the server."),
    ],
  });
}
