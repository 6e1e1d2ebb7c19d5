// What this browser keeps: how things look and behave. Nothing of jobs, and no credential.

import { effect, signal } from "./signal.js";

const PREFIX = "spooled.";

function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise; // no storage here, or something else's value
  }
}

// A signal that is remembered. Other tabs learn of a change.
export function pref(name, otherwise) {
  const it = signal(read(name, otherwise));
  effect(() => {
    const value = it.value;
    try {
      if (value === otherwise) localStorage.removeItem(PREFIX + name);
      else localStorage.setItem(PREFIX + name, JSON.stringify(value));
    } catch { /* a browser may refuse to keep things */ }
  });
  addEventListener("storage", event => {
    if (event.key === PREFIX + name) it.value = read(name, otherwise);
  });
  return Object.assign(it, { otherwise });
}

export const theme = pref("theme", "system"); // system, light, dark
export const density = pref("density", "compact"); // compact, cosy
export const zone = pref("zone", "utc"); // utc, local
export const hasKeys = pref("keys", true); // shortcuts of one key
export const isForgetful = pref("memory-only", false); // tokens in memory, not in the tab's storage
export const masks = pref("masks", "password, secret, token, authorization, api_key"); // names shown as dots
export const columns = pref("columns", {}); // by table: what is hidden

effect(() => { document.documentElement.dataset.theme = theme.value; });
effect(() => { document.documentElement.dataset.density = density.value; });

export function nextTheme() {
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const shown = theme.peek() === "system" ? (isDark ? "dark" : "light") : theme.peek();
  theme.value = shown === "dark" ? "light" : "dark";
}
