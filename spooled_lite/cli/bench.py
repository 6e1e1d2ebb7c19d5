"""`spooled-lite bench`: runs short workloads against a running server."""

import secrets
from collections.abc import Callable
from typing import Any, Final

import click
import httpx
import msgspec

from spooled_lite.cli.load.run import run_load
from spooled_lite.cli.load.serial import KeptConnection, LoadRefused, delivery_ms
from spooled_lite.cli.load.shapes import (
    BULK_JOBS,
    Load,
    LoadTarget,
    Measured,
    bulk,
    enqueue,
    quantile,
    work,
)
from spooled_lite.cli.load.sockets import SocketsFailed
from spooled_lite.cli.load.wrk import WrkFailed

DELIVERIES: Final = 100

Show = Callable[[str], None]


@click.command()
@click.option(
    "--url",
    envvar="SPOOLED_URL",
    default="http://127.0.0.1:8080",
    show_default=True,
    help="Address of the server.",
)
@click.option(
    "--api-key", envvar="SPOOLED_API_KEY", required=True, help="An API key of that server."
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 60),
    default=5,
    show_default=True,
    help="How long each workload runs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(url: str, api_key: str, seconds: float, as_json: bool) -> None:
    """Measure a running server, in queues of its own that it deletes afterwards.

    Results of different machines cannot be compared.
    """
    target = LoadTarget(url.rstrip("/"), api_key)
    show: Show = (lambda _: None) if as_json else (lambda name: click.echo(f"{name} ...", err=True))
    try:
        results = measure(target, seconds=seconds, deliveries=DELIVERIES, show=show)
    except (LoadRefused, WrkFailed, SocketsFailed, OSError, httpx.HTTPError) as error:
        raise click.ClickException(f"{url}: {error}") from error
    if as_json:
        click.echo(msgspec.json.encode(results))
    else:
        for name, result in results.items():
            click.echo(f"{name:<24}" + "  ".join(f"{key} {val}" for key, val in result.items()))


def measure(
    target: LoadTarget, *, seconds: float, deliveries: int, show: Show
) -> dict[str, dict[str, Any]]:
    """Run every workload. The queues that it created are deleted, also after an error."""
    busy_queue = f"bench-{secrets.token_hex(4)}"
    idle_queue = f"{busy_queue}-idle"
    results: dict[str, dict[str, Any]] = {}
    # Delivery comes first, since it needs an idle server; bulk comes before work, which needs jobs.
    loads: tuple[tuple[str, Load, int], ...] = (
        ("enqueue", enqueue(busy_queue), 1),
        ("enqueue in bulks", bulk(busy_queue), BULK_JOBS),
        ("claim and complete", work(busy_queue), 1),
    )
    try:
        show("waiting claim")
        results["waiting claim"] = _deliveries(target, idle_queue, deliveries)
        for name, load, jobs_per_request in loads:
            show(name)
            measured = run_load(target, load, seconds=seconds)
            results[name] = _rates(measured, jobs_per_request)
    finally:
        _delete_queues(target, idle_queue, busy_queue)
    return results


def _deliveries(target: LoadTarget, queue_name: str, count: int) -> dict[str, Any]:
    with KeptConnection(target) as worker, KeptConnection(target) as producer:
        times_ms = [delivery_ms(worker, producer, queue_name) for _ in range(count)]
    return {
        "p50_ms": round(quantile(times_ms, 0.5), 2),
        "p99_ms": round(quantile(times_ms, 0.99), 2),
    }


def _rates(measured: Measured, jobs_per_request: int) -> dict[str, Any]:
    rates: dict[str, Any] = {"requests_per_second": round(measured.per_second)}
    if jobs_per_request > 1:
        rates["jobs_per_second"] = round(measured.per_second * jobs_per_request)
    rates |= {"p50_ms": round(measured.p50_ms, 2), "p99_ms": round(measured.p99_ms, 2)}
    if measured.failed_count:
        rates["failed"] = measured.failed_count
    if measured.empty_count:
        rates["found_nothing"] = measured.empty_count
    return rates


def _delete_queues(target: LoadTarget, *names: str) -> None:
    headers = {"Authorization": f"Bearer {target.api_key}"}
    for name in names:
        # A workload that failed early may not have created its queue.
        httpx.delete(
            f"{target.url}/api/v1/queues/{name}",
            params={"delete_jobs": "true"},
            headers=headers,
            timeout=30,
            trust_env=False,
        )
