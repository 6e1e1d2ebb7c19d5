// A server in test mode for this file of tests, and a world of its own for each test.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const START_MS_MAX = 60_000;

/** Starts a server. It stops when its standard input closes: at `stop`, or when this process ends. */
export async function start() {
  const folder = mkdtempSync(join(tmpdir(), "spooled-"));
  const readyFile = join(folder, "ready.json");
  const flags = ["serve", "--test", "--seed", "1", "--port", "0", "--grpc-port", "off"];
  const server = spawn(
    "spooled-lite",
    [...flags, "--ready-file", readyFile, "--exit-with-parent"],
    {
      env: { ...process.env, SPOOLED_LOG_LEVEL: "warning" },
      stdio: ["pipe", "ignore", "inherit"],
    },
  );
  let error;
  server.on("error", (found) => (error = found));
  for (const until = Date.now() + START_MS_MAX; !existsSync(readyFile); await wait(20)) {
    if (error || server.exitCode !== null || Date.now() > until) {
      throw new Error("spooled-lite has not started", { cause: error });
    }
  }
  const { url, api_key: key } = JSON.parse(readFileSync(readyFile, "utf8"));
  return {
    url,
    key,
    async stop() {
      const ended = new Promise((resolve) => server.on("exit", resolve));
      server.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A world for the test `t`: rows, a clock and a key of its own. It is deleted after the test. */
export async function world(server, t, options = {}) {
  const root = new World(server.url, server.key);
  const fork = await root.post("/test/fork", { name: t.name, ...options });
  t.after(() => root.call("DELETE", `/test/forks/${encodeURIComponent(fork.name)}`));
  return new World(server.url, fork.api_key);
}

export class World {
  constructor(url, key) {
    this.url = url;
    this.key = key;
  }

  async call(method, path, body) {
    const answer = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.key}`, "content-type": "application/json" },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text && JSON.parse(text);
  }

  get = (path) => this.call("GET", path);
  post = (path, body) => this.call("POST", path, body);
  put = (path, body) => this.call("PUT", path, body);

  /** Lets time pass, such as "7d"; returns when everything that was due is done. */
  advance = (by) => this.post("/test/clock/advance", { by });

  /** Works a queue off, with an end for each attempt. */
  drain = (queue, ...outcomes) => this.post("/test/drain", { queue, outcomes });

  /** Makes something go wrong the next time. */
  fault = (route, what) => this.post("/test/faults", { on: { route }, do: what, times: 1 });

  /** Throws unless all of it holds, or comes to hold `within` a time. */
  async expect(expected, within) {
    const found = await this.post("/test/expect", { expect: expected, within });
    if (!found.passed) throw new Error(JSON.stringify(found.results, null, 2));
  }
}
