// A small shop. `api` is where it reaches Spooled: a `url` and a `key`.

import { createHmac, timingSafeEqual } from "node:crypto";

const WORKER = "shop";
const TRIES_MAX = 3;
const REMINDER_SECONDS = 3 * 86_400;

/** Has an order charged. May be repeated: the key makes it one job, however often it is sent. */
export async function checkOut(api, order) {
  const job = {
    queue_name: "charges",
    payload: order,
    max_retries: 5,
    idempotency_key: `order-${order.id}`,
  };
  for (let tries = 1; ; tries++) {
    try {
      return await post(api, "/jobs", job);
    } catch (error) {
      if (tries === TRIES_MAX) throw error;
    }
  }
}

/** Reminds a customer in three days. */
export function signUp(api, email) {
  const payload = { to: email, kind: "reminder" };
  return post(api, "/jobs", { queue_name: "emails", payload, delay_seconds: REMINDER_SECONDS });
}

/** Takes the webhooks of Spooled. A delivery may come twice; an order is shipped once. */
export class Shipping {
  shipped = [];
  #seen = new Set();
  #secret;

  constructor(secret) {
    this.#secret = secret;
  }

  /** The status to answer with. */
  take(headers, body) {
    const signed = `${headers["x-spooled-timestamp"]}.${body}`;
    const sum = createHmac("sha256", this.#secret).update(signed).digest("hex");
    const ours = Buffer.from(`sha256=${sum}`);
    const theirs = Buffer.from(headers["x-spooled-signature"] ?? "");
    if (ours.length !== theirs.length || !timingSafeEqual(ours, theirs)) return 401;
    const { id, data } = JSON.parse(body);
    if (!this.#seen.has(id)) this.shipped.push(data.result.order);
    this.#seen.add(id);
    return 200;
  }
}

/** Charges what is due now, with a `card` that throws when it is declined. */
export async function work(api, card) {
  const claim = { queue_name: "charges", worker_id: WORKER, limit: 10 };
  const { jobs } = await post(api, "/jobs/claim", claim);
  for (const { id, payload } of jobs) {
    try {
      card(payload);
    } catch ({ message }) {
      await post(api, `/jobs/${id}/fail`, { worker_id: WORKER, error: message });
      continue;
    }
    const result = { order: payload.id };
    await post(api, `/jobs/${id}/complete`, { worker_id: WORKER, result });
  }
  return jobs.length;
}

async function post({ url, key }, path, body) {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
