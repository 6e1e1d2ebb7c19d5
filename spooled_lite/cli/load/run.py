"""Runs a load with wrk if it is installed, else with the Python load generator."""

import shutil

from spooled_lite.cli.load.shapes import CONNECTIONS, Load, LoadTarget, Measured
from spooled_lite.cli.load.sockets import run_sockets
from spooled_lite.cli.load.wrk import run_wrk


def generator() -> str:
    """The name of the load generator, for the description of the machine."""
    return "wrk -t1" if shutil.which("wrk") else "the Python load generator"


def run_load(
    target: LoadTarget, load: Load, *, seconds: float, connections: int = CONNECTIONS
) -> Measured:
    """Send the load over `connections` connections, one request at a time on each.

    Raises:
        WrkFailed, SocketsFailed.
    """
    run = run_wrk if shutil.which("wrk") else run_sockets
    return run(target, load, seconds=seconds, connections=connections)
