"""The progress of an import, which its user sees whenever they look, also after an evening away.

A worker puts each step into the user's inbox under one collapse key, so that only the newest waits.
The last word is stored in the commit that completes the job. A page reads the inbox with a token.

    spooled-lite serve
    SPOOLED_URL=http://127.0.0.1:8080 SPOOLED_API_KEY=sk_… python import_progress.py
"""

import json
import os
import sys
from typing import Any

import httpx

USER = "user-123"
ROWS = 2_000
CHUNK = 500

api = httpx.Client(
    base_url=f"{os.environ['SPOOLED_URL']}/api/v1",
    headers={"Authorization": f"Bearer {os.environ['SPOOLED_API_KEY']}"},
)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def ask(method: str, path: str, body: Any = None) -> Any:
    answer = api.request(method, path, json=body)
    answer.raise_for_status()
    return answer.json()


# -- the application -------------------------------------------------------------------------------


def set_up() -> None:
    """How the page shows what is about imports."""
    template = '<p class="import">{{data.text}} ({{data.percent}} %)</p>'
    body = {"pattern": "import.#", "template": template}
    ask("PUT", "/realtime/renderers/import", body)


def start_import() -> None:
    job = {"queue_name": "imports", "payload": {"user": USER, "rows": ROWS}}
    ask("POST", "/jobs", job)


def page_token() -> str:
    """What the page of this user gets: it must not see the key."""
    body = {"topics": ["import.#"], "identity": USER, "ttl_seconds": 3600}
    token: str = ask("POST", "/realtime/tokens", body)["token"]
    return token


# -- the worker ------------------------------------------------------------------------------------


def notification(job: Any, topic: str, text: str, percent: int) -> dict[str, Any]:
    message = json.dumps({"text": text, "percent": percent})
    return {"topic": topic, "message": message, "collapse_key": job["id"]}


def work() -> None:
    [job] = ask("POST", "/jobs/claim", {"queue_name": "imports", "worker_id": "importer"})["jobs"]
    user, rows = job["payload"]["user"], job["payload"]["rows"]
    for done in range(CHUNK, rows, CHUNK):
        step = notification(job, "import.progress", f"{done} rows", 100 * done // rows)
        ask("POST", f"/inbox/{user}", step)
        ask(
            "POST", "/realtime/notify", {"topic": f"import.{user}"}
        )  # a page that is open looks now
        look(f"after {done} rows")
    last = notification(job, "import.done", f"all {rows} rows", 100)
    end = {"lease_id": job["lease_id"], "then": [{"op": "inbox", "identity": user, **last}]}
    ask("POST", f"/jobs/{job['id']}/complete", end)


# -- the page --------------------------------------------------------------------------------------


def look(when: str) -> int:
    """What the page shows, and the number of the newest notification in it."""
    answer = httpx.get(f"{api.base_url}realtime/poll", params={"token": token, "after": "0"})
    answer.raise_for_status()
    say(f"{when}: {answer.text or 'nothing new'}")
    return int(answer.headers["X-Wire-Cursor"])


set_up()
start_import()
token = page_token()
work()
newest = look("next morning")
say(f"seen: {ask('POST', f'/inbox/{USER}/seen', {'until': newest})['marked']}")
look("and again")
