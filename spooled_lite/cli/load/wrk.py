"""Runs a load with the load generator `wrk`, which gets a script made for the load."""

import subprocess
import tempfile
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.cli.load.shapes import NOTHING, Load, LoadTarget, Measured

GRACE_SECONDS: Final = 30  # that wrk may take beyond the run itself

# The connections of a thread of wrk share one state, so any may complete what another has claimed.
_HEAD: Final = """
local headers = {
  ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. %(api_key)s,
}
local main = wrk
local first
empty_count = 0
"""
_ONE: Final = """
function request()
  first = first or main.format("POST", %(path)s, headers, %(body)s)
  return first
end
"""
_TWO: Final = """
local claimed, count = {}, 0
local before_id, after_id = %(path_parts)s
local before_lease, after_lease = %(body_parts)s
function request()
  if count > 0 then
    local job = claimed[count]
    claimed[count], count = nil, count - 1
    return main.format("POST", before_id .. job[1] .. after_id, headers,
                       before_lease .. job[2] .. after_lease)
  end
  first = first or main.format("POST", %(path)s, headers, %(body)s)
  return first
end
function response(status, headers, body)
  local id = string.match(body, '"id":"([^"]+)"')
  if id then
    count = count + 1
    claimed[count] = { id, string.match(body, '"lease_id":"([^"]+)"') }
  elseif body == %(nothing)s then
    empty_count = empty_count + 1
  end
end
"""
_END: Final = """
local only
function setup(thread) only = thread end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\nRESULT {"requests":%%d,"micros":%%d,"p50":%%f,"p99":%%f,"failed":%%d,"empty":%%d}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout, only:get("empty_count")))
end
"""


class WrkFailed(Exception):
    """wrk could not be run, or its output was not understood."""


class _Result(Struct):
    requests: int
    micros: int
    p50: float
    p99: float
    failed: int
    empty: int


def run_wrk(target: LoadTarget, load: Load, *, seconds: float, connections: int) -> Measured:
    """Run the load on one thread of wrk, for whole seconds.

    Raises:
        WrkFailed.
    """
    whole_seconds = max(1, round(seconds))
    with tempfile.TemporaryDirectory(prefix="spooled-bench-") as folder:
        path = Path(folder, "load.lua")
        path.touch(mode=0o600)  # it holds the key
        path.write_text(script(target, load))
        command = ["wrk", "-t1", f"-c{connections}", f"-d{whole_seconds}s", "-s", str(path)]
        done = subprocess.run(
            [*command, target.url],
            capture_output=True,
            text=True,
            timeout=whole_seconds + GRACE_SECONDS,
            check=False,
        )
    return parsed(done.stdout, done.stderr)


def script(target: LoadTarget, load: Load) -> str:
    values = {
        "api_key": _text(target.api_key),
        "path": _text(load.path),
        "body": _text(load.body),
        "nothing": _text(NOTHING),
    }
    middle = _ONE
    if load.then_path is not None and load.then_body is not None:
        middle = _TWO
        values["path_parts"] = _parts(load.then_path, "{id}")
        values["body_parts"] = _parts(load.then_body, "{lease_id}")
    return (_HEAD + middle + _END) % values


def parsed(output: str, errors: str = "") -> Measured:
    lines = [line for line in output.splitlines() if line.startswith("RESULT ")]
    if len(lines) != 1:
        raise WrkFailed(f"wrk gave no result: {output[-500:]}{errors[-500:]}")
    result = msgspec.json.decode(lines[0].removeprefix("RESULT "), type=_Result)
    return Measured(
        request_count=result.requests,
        seconds=result.micros / 1e6,
        p50_ms=result.p50 / 1000,
        p99_ms=result.p99 / 1000,
        failed_count=result.failed,
        empty_count=result.empty,
    )


def _parts(template: str, mark: str) -> str:
    before, after = template.split(mark)
    return f"{_text(before)}, {_text(after)}"


def _text(value: str) -> str:
    """A Lua string that needs no escapes."""
    assert "]==]" not in value, "it would end the Lua string"
    return f"[==[{value}]==]"
