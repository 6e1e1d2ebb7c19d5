"""`spooled-lite flows`: defines flows, runs them, draws them, signals and cancels runs."""

import json
from typing import Any, Final

import click

from spooled_lite.cli.client import Client, path_of
from spooled_lite.cli.connect import as_json_option, asks_server, limit_option
from spooled_lite.cli.definitions import (
    define_named,
    run_options,
    tell_if_known,
    wait_for_output,
)
from spooled_lite.cli.escaped import message_of
from spooled_lite.cli.flow_graph import DrawnStep, drawn
from spooled_lite.cli.given import given_json
from spooled_lite.cli.queue_names import flow_named
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.cli.things import (
    Column,
    Thing,
    ago,
    print_answer,
    print_details,
    print_list,
    text,
)

RUN_STATES: Final = ("started", "completed", "failed", "canceling", "canceled", "expired")


def _progress(run: Thing) -> str:
    return f"{run.text('completed_jobs')} of {run.text('total_jobs')}"


FLOW_COLUMNS: Final = (
    text("NAME", whole=True),
    Column("STEPS", lambda flow: str(len(flow.value("steps") or ())), whole=True, right=True),
    Column("OUTPUT", lambda flow: ", ".join(flow.value("output_priority") or ())),
    ago("CHANGED", "updated_at"),
    text("DESCRIPTION", optional=True),
)
FLOW_RUN_COLUMNS: Final = (
    text("ID", whole=True),
    text("STATE", whole=True),
    Column("STEPS", _progress, whole=True),
    ago("CREATED", "created_at"),
    ago("ENDED", "completed_at"),
    text("KEY", "concurrency_key", optional=True),
    text("ERROR", "error_message", optional=True),
)


@click.group(cls=SuggestingGroup)
def flows() -> None:
    """Define flows, run them, draw them, signal and cancel their runs."""


@flows.command("list")
@limit_option
@as_json_option
@asks_server
def list_flows(client: Client, limit: int | None, as_json: bool) -> None:
    """List flows by name."""
    print_list(client, "/flows", FLOW_COLUMNS, limit=limit, as_json=as_json, none="No flows.")


@flows.command()
@click.argument("name", metavar="NAME|RUN")
@as_json_option
@asks_server
def show(client: Client, name: str, as_json: bool) -> None:
    """Draw a flow, or how far one of its runs is."""
    is_run = "-" in name  # which an id has, and no name of a flow
    if is_run:
        answer = client.get(path_of("workflows", name))
    else:
        with flow_named(client, name):
            answer = client.get(path_of("flows", name))
    if as_json:
        print_answer(answer)
        return
    shown = Thing(answer.body, client.now_ms)
    print_details(_of_run(shown) if is_run else _of_flow(shown))
    click.echo()
    if is_run:
        steps = client.get(path_of("workflows", name, "steps")).read(list[dict[str, Any]])
        graph = [DrawnStep(each["key"], each["depends_on"], _state(each)) for each in steps]
    else:
        steps = shown.value("steps") or []
        graph = [DrawnStep(each["key"], each["depends_on"], _said(each)) for each in steps]
    for line in drawn(graph):
        click.echo(message_of(line))


@flows.command()
@click.argument("name")
@click.argument("definition", metavar="JSON|-")
@as_json_option
@asks_server
def define(client: Client, name: str, definition: str, as_json: bool) -> None:
    """Create a flow, or replace its whole definition.

    Such as: define orders '{"steps": [{"key": "pick"}, {"key": "pack", "depends_on": ["pick"]}]}'
    """
    define_named(client, path_of("flows", name), definition, as_json=as_json)


@flows.command()
@click.argument("name")
@click.argument("given", default="null", metavar="[JSON|-]")
@run_options
@as_json_option
@asks_server
def run(
    client: Client, name: str, given: str, wait_seconds: int | None, as_json: bool, **more: Any
) -> None:
    """Run a flow and print the id of the run. With `-` its input is the standard input."""
    body = {"input": given_json(given, "input")}
    body |= {member: each for member, each in more.items() if each is not None}
    with flow_named(client, name):
        answer = client.post(path_of("flows", name, "runs"), body)
    made = Thing(answer.body, client.now_ms)
    tell_if_known(made)
    if wait_seconds is not None:
        run_id = str(made.value("id"))
        path = path_of("workflows", run_id, "wait")
        wait_for_output(client, path, run_id, wait_seconds, as_json=as_json)
    elif as_json:
        print_answer(answer)
    else:
        click.echo(made.text("id"))


@flows.command()
@click.argument("name")
@click.option("--state", type=click.Choice(RUN_STATES), help="Only those in this state.")
@limit_option
@as_json_option
@asks_server
def runs(client: Client, name: str, state: str | None, limit: int | None, as_json: bool) -> None:
    """List the runs of a flow, the newest first."""
    with flow_named(client, name):
        print_list(
            client,
            path_of("flows", name, "runs"),
            FLOW_RUN_COLUMNS,
            query={"state": state},
            limit=limit,
            as_json=as_json,
            none="No runs.",
        )


@flows.command()
@click.argument("run_id", metavar="RUN")
@click.option("--reason", metavar="TEXT", help="Kept with the run.")
@as_json_option
@asks_server
def cancel(client: Client, run_id: str, reason: str | None, as_json: bool) -> None:
    """Cancel a run. Workers of its steps are told to stop."""
    body = {} if reason is None else {"reason": reason}
    answer = client.post(path_of("workflows", run_id, "cancel"), body)
    if as_json:
        print_answer(answer)
        return
    run = Thing(answer.body, client.now_ms)
    if run.value("applied") is False:
        raise click.ClickException("it had been cancelled")
    click.echo(f"{run.text('id')} is {run.text('state')}")


@flows.command()
@click.argument("run_id", metavar="RUN")
@click.argument("step")
@click.argument("given", default="null", metavar="[JSON|-]")
@as_json_option
@asks_server
def signal(client: Client, run_id: str, step: str, given: str, as_json: bool) -> None:
    """Deliver the signal that a step of a run waits for."""
    path = path_of("workflows", run_id, "steps", step, "signal")
    answer = client.post(path, {"input": given_json(given, "input")})
    if as_json:
        print_answer(answer)
        return
    click.echo(f"{step} is {Thing(answer.body, client.now_ms).text('state')}")


def _of_flow(flow: Thing) -> list[tuple[str, str]]:
    kept = flow.value("retention_seconds")
    return [
        ("name", flow.text("name")),
        ("description", flow.text("description")),
        ("output", ", ".join(flow.value("output_priority") or ())),
        ("failures", flow.text("failure_policy")),
        ("runs kept", "" if kept is None else f"{kept} s"),
        ("revision", flow.text("revision")),
        ("changed", flow.when("updated_at")),
    ]


def _of_run(run: Thing) -> list[tuple[str, str]]:
    return [
        ("run", run.text("id")),
        ("of", run.text("name")),
        ("state", run.text("state" if "state" in run else "status")),
        ("error", run.text("error_message") if "error_message" in run else ""),
        ("created", run.when("created_at")),
        ("ended", run.when("completed_at")),
    ]


def _said(step: dict[str, Any]) -> str:
    """What is special about a step of a flow."""
    source = (step["map"] or step["reduce"] or {}).get("source")
    verbs = {"mapper": f"maps over {source}", "reducer": f"reduces {source}"}
    said = {**verbs, "generator": "generates items"}.get(step["type"], "")
    parts = [
        said,
        "waits for a signal" if step["signal"] else "",
        f"if {step['condition']}" if step["condition"] else "",
        f"in {step['queue_name']}",
    ]
    return "; ".join(part for part in parts if part)


def _state(step: dict[str, Any]) -> str:
    """How far a step of a run is."""
    said = [step["state"]]
    items = step.get("item_counts")
    if items:
        said.append(f"{items['completed']} of {items['stored']} items")
    if step["error_message"]:
        said.append(json.dumps(step["error_message"], ensure_ascii=False))
    return ", ".join(said)
