// Where one can go: the rail, the keys after `g`, Find and the page "More" are made of this.

import { pace } from "../lib/clock.js";

export const PLACES = [
  { path: "", label: "Home", icon: "home", key: "h", isOnPhone: true },
  { path: "jobs", label: "Jobs", icon: "jobs", key: "j", count: "jobs", word: "jobs:read", isOnPhone: true },
  { path: "queues", label: "Queues", icon: "queues", key: "q", word: "queues:read", isOnPhone: true, also: "messages" },
  { path: "dead", label: "Dead letters", short: "Dead", icon: "dead", key: "d", count: "dead", isBad: true, word: "jobs:read", isOnPhone: true },
  { path: "workers", label: "Workers", icon: "workers", key: "w", count: "workers", word: "workers:read" },
  { path: "tasks", label: "Tasks", icon: "tasks", key: "t", word: "jobs:read" },
  { path: "topics", label: "Topics", icon: "topics", key: "o", word: "jobs:read" },
  { path: "live", label: "Realtime", icon: "play", key: "i", word: "jobs:read", also: "inbox" },
  { path: "schedules", label: "Schedules", icon: "clock", key: "s", word: "schedules:read", isApart: true, also: "cron" },
  { path: "workflows", label: "Workflows", icon: "flow", key: "f", word: "workflows:read" },
  { path: "flows", label: "Flows", icon: "flows", key: "l", word: "workflows:read" },
  { path: "webhooks", label: "Webhooks", icon: "hook", word: "webhooks:read" },
  { path: "inbound", label: "Inbound", icon: "inbox", word: "webhooks:read" },
  { path: "events", label: "Events", icon: "events", key: "e", word: "jobs:read" },
  { path: "keys", label: "API keys", icon: "key", key: "k", word: "api-keys:read", isApart: true },
  { path: "org", label: "Organization", icon: "org" },
  { path: "acts", label: "Acts", icon: "acts", word: "organization:read" },
  { path: "server", label: "Server", icon: "server", key: "v" },
  { path: "here", label: "This browser", icon: "here" },
  { path: "test", label: "Test mode", icon: "flask", isTest: true },
];

// It reads a signal: that of a server in test mode.
export const isThere = it => !it.isTest || pace.value != null;
