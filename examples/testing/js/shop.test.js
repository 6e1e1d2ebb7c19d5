import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";

import { Shipping, checkOut, signUp, work } from "./shop.js";
import { start, world } from "./spooled.js";

const HOUR_MS = 3_600_000;
const WEEK_OF_RETRIES = {
  backoff_base_seconds: 3600,
  backoff_multiplier: 4,
  backoff_max_seconds: 400_000,
};
const SECRET = "whsec_of_the_shop";

// All tests run at once, each in a world of its own at its own time.
describe("the shop", { concurrency: true }, () => {
  let server;
  before(async () => (server = await start()));
  after(() => server?.stop());

  test("reminds a customer after three days", async (t) => {
    const it = await world(server, t);
    await signUp(it, "ada@example.com");

    await it.advance("71h");
    await it.expect([{ queue: "emails", status: "scheduled", count: 1 }]);
    await it.advance("1h");
    const payload = { to: "ada@example.com" };
    await it.expect([{ queue: "emails", status: "pending", payload, count: 1 }]);
  });

  test("tries a declined card for a week, at exact hours", async (t) => {
    const it = await world(server, t);
    await it.put("/queues/charges/config", WEEK_OF_RETRIES);
    await checkOut(it, { id: 1 });

    const { jobs } = await it.drain("charges", { fail: 5, error: "declined", then: "complete" });

    const times = jobs[0].attempts.map(({ at }) => Date.parse(at));
    const hours = times.map((at) => Math.round((at - times[0]) / HOUR_MS));
    assert.deepEqual(hours, [0, 1, 5, 21, 85, 196]);
  });

  test("makes a report each night, also in the night that has no half past two", async (t) => {
    const it = await world(server, t, { at: "2030-03-08T12:00:00Z" });
    await it.post("/schedules", {
      name: "nightly",
      cron_expression: "30 2 * * *",
      timezone: "America/New_York",
      queue_name: "reports",
      payload_template: {},
    });

    const { happened } = await it.advance("3d");

    const fired = happened.filter(({ what }) => what === "schedule.triggered");
    assert.deepEqual(
      fired.map(({ at }) => at),
      ["2030-03-09T07:30:00.000Z", "2030-03-10T07:00:00.000Z", "2030-03-11T06:30:00.000Z"],
    );
  });

  test("charges once when the answer to an order is lost", async (t) => {
    const it = await world(server, t);
    await it.fault("POST /api/v1/jobs", { drop: "after_commit" });

    const { created } = await checkOut(it, { id: 7 });

    assert.equal(created, false); // the first try was stored, and the second one found it
    await it.drain("charges");
    await it.expect([
      { queue: "charges", status: "completed", count: 1 },
      { queue: "charges", count: 1 },
    ]);
  });

  test("charges once when the acknowledgement of a charge is lost", async (t) => {
    const it = await world(server, t);
    await checkOut(it, { id: 8 });
    await it.fault("POST /api/v1/jobs/{id}/complete", { drop: "after_commit" });
    const charged = [];
    const card = ({ id }) => charged.push(id);

    await assert.rejects(work(it, card)); // this worker crashes
    await it.advance("1h"); // its lease would be over long ago
    assert.equal(await work(it, card), 0);

    assert.deepEqual(charged, [8]);
  });

  test("ships once when a webhook comes twice", async (t) => {
    const it = await world(server, t);
    const shipping = new Shipping(SECRET);
    const address = await receiver(t, (headers, body) => {
      const status = shipping.take(headers, body);
      return headers["x-spooled-delivery-attempt"] === "1" ? 500 : status; // it has shipped, and falls over
    });
    const events = ["job.completed"];
    await it.post("/outgoing-webhooks", { name: "shop", url: address, events, secret: SECRET });
    await checkOut(it, { id: 9 });
    await work(it, () => {});

    const { happened } = await it.advance("1m");

    const calls = happened.filter(({ what }) => what === "delivery");
    assert.deepEqual(
      calls.map(({ status_code: status }) => status),
      [500, 200],
    );
    assert.deepEqual(shipping.shipped, [9]);
  });
});

/** The address of a receiver that answers with what `take` returns. */
async function receiver(t, take) {
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    response.writeHead(take(request.headers, body)).end();
  });
  await new Promise((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(() => http.close());
  return `http://127.0.0.1:${http.address().port}/`;
}
