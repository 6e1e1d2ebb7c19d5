// The admin key: in memory alone, for 15 minutes, and only while one is at the pages of the server.
//
//   await enterAdmin(text)                               tries it; throws what the server says of it
//   await adminGet("/admin/stats", {}, { signal })       as get and send of lib/api.js, with the key
//   await adminSend("PATCH", path, body)
//   adminEnds.value                                      when it is forgotten (of this browser's clock); null: there is none

import { ApiError, get, getWhole, send } from "./api.js";
import { route } from "./router.js";
import { onSignOut } from "./session.js";
import { batch, effect, signal } from "./signal.js";

const KEPT_MS = 15 * 60_000, PLACE = "server";
const OVER = "15 minutes are over, and the key was forgotten.";
const REFUSED = "The server does not take the key any more.";

export const adminEnds = signal(null);
export const askedAgain = signal(""); // why, when there was a key before

let key = null, timer = 0;
const withKey = it => ({ isKnown: false, headers: { "X-Admin-Key": it } });

export function forgetAdmin(why = "") {
  clearTimeout(timer);
  key = null;
  batch(() => [adminEnds.value, askedAgain.value] = [null, why]);
}

export async function enterAdmin(text) {
  // A browser refuses to send another header, and would blame the network.
  if (!/^[\x20-\x7e]+$/.test(text)) throw new ApiError(401, { message: "It has characters that no admin key has." });
  await get("/admin/plans", {}, { ...withKey(text), repeats: 0 });
  if (route.peek().parts[0] !== PLACE) return; // gone meanwhile
  key = text;
  batch(() => [adminEnds.value, askedAgain.value] = [Date.now() + KEPT_MS, ""]);
  timer = setTimeout(() => forgetAdmin(OVER), KEPT_MS);
}

async function call(ask) {
  // A machine that slept has not counted down.
  if (key && Date.now() >= adminEnds.peek()) forgetAdmin(OVER);
  if (!key) throw new ApiError(401, { message: "The admin key is needed" });
  const mine = key;
  try {
    return await ask(withKey(mine));
  } catch (error) {
    if (error.status === 401 && key === mine) forgetAdmin(REFUSED);
    throw error;
  }
}

export const adminGet = (path, query, options) => call(more => get(path, query, { ...options, ...more }));
export const adminGetWhole = path => call(more => getWhole(path, {}, more));
export const adminSend = (method, path, body) => call(more => send(method, path, body, more));

effect(() => { if (route.value.parts[0] !== PLACE) forgetAdmin(); });
addEventListener("pagehide", () => forgetAdmin()); // not into a page kept for Back
onSignOut.push(() => forgetAdmin());
