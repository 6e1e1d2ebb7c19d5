"""Has a running server make a backup, and waits until it is made."""

import time
from collections.abc import Callable
from typing import Any, Final

import click
import httpx

ANSWER_SECONDS_MAX: Final = 30.0
LOOK_SECONDS: Final = 0.3  # between two looks how it goes on


def ask_for_backup(
    url: str, admin_key: str, on_progress: Callable[[str, int, int], None]
) -> dict[str, Any]:
    """Returns the new backup as GET /admin/backups shows it.

    `on_progress` is told the stage, and how many bytes of how many are done in it.

    Raises:
        click.ClickException: the server refused, cannot be reached, or no backup was made.
    """
    try:
        with httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1/admin/",
            headers={"X-Admin-Key": admin_key},
            timeout=ANSWER_SECONDS_MAX,
        ) as client:
            before = seen = _body(client.post("backups"))
            while seen["tries"] == before["tries"]:
                if (run := seen["under_way"]) is not None:
                    on_progress(run["stage"], run["done_bytes"], run["all_bytes"])
                time.sleep(LOOK_SECONDS)
                seen = _body(client.get("backups"))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise click.ClickException(f"{url}: {error}") from error
    known = {each["name"] for each in before["backups"]}
    made = [each for each in seen["backups"] if each["name"] not in known]
    if not made:
        raise click.ClickException(
            seen["problem"] or "no backup was made; the server's log says why"
        )
    backup: dict[str, Any] = made[0]
    return backup


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body: Any = answer.json()
        if answer.is_success and isinstance(body, dict) and "under_way" in body:
            return body
        said = body.get("message") if isinstance(body, dict) else None
    except ValueError:
        said = None
    raise click.ClickException(f"{answer.url}: {said or answer.status_code}")
