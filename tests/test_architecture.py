"""Where things may be, and who may know whom: the two import rules, time, chance, sizes."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.wire.http.routes import ROUTES

ROOT: Final = Path(__file__).parent.parent / "spooled_lite"
MODULES: Final = sorted(ROOT.rglob("*.py"))
NAMES: Final = [path.relative_to(ROOT).as_posix() for path in MODULES]

# Imports point downhill. What is not named is a single file at the bottom.
LEVEL: Final = {
    "storage": 1,
    "outbound": 1,
    "core": 2,
    "backups": 3,
    "exports": 3,
    "archive": 3,
    "background": 4,
    "wire": 5,
    "safekeeping": 5,
    "part_settings": 6,
    "app": 6,
    "serving": 7,
    "in_process": 7,
    "recording": 8,
    "testing": 8,
    "pytest_plugin": 9,
    "cli": 9,
    "__main__": 9,
}
WEB: Final = frozenset({"starlette", "uvicorn", "httptools", "websockets", "grpc"})

# Inside core an operation may call those of resources before its own.
RESOURCES: Final = (
    "conditions", "orgs", "keys", "auth", "queues", "jobs", "answers", "breakers", "workflows",
    "steps", "lifecycle", "messages", "tasks", "flows", "workers", "schedules", "topics",
    "webhooks", "ingest", "renderers", "inbox", "batch", "overview", "acts", "maintenance",
    "export",
)  # fmt: skip
LEAVES: Final = frozenset({"columns", "records", "statements"})

LINES_MAX: Final = 400

# Imports inside a function, and what they save. None of them may be there to hide a circle: the
# rule below counts them as any other.
LAZY: Final = {
    ("app.py", "wire/http/documents/text.py"): "starts sooner without what describes the API",
    ("safekeeping.py", "background/backups.py"): "a server without backups imports none of them",
    ("safekeeping.py", "backups/plan.py"): "likewise",
    ("safekeeping.py", "background/archive.py"): "likewise, without an archive",
    ("safekeeping.py", "archive/plan.py"): "likewise",
    ("outbound/store_places.py", "outbound/object_store.py"): "an extra, for who uses a bucket",
    ("cli/backup.py", "cli/asked_backup.py"): "loads the client for HTTP only where it is used",
    ("cli/export.py", "cli/asked_export.py"): "likewise",
    ("cli/traces.py", "outbound/otel.py"): "an extra, for who has a collector",
    ("cli/keys.py", "cli/keys_offline.py"): "keys of a server need nothing of a file",
    ("cli/serve.py", "cli/test_mode.py"): "a server for people imports nothing of test mode",
    ("wire/http/resources/export.py", "exports/moments.py"): "few servers are asked for one",
    ("wire/http/resources/export.py", "exports/place.py"): "likewise",
    ("wire/http/pages.py", "wire/http/dashboard_files.py"): "loads what serves files for a browser",
    ("wire/http/resources/front.py", "wire/http/dashboard_files.py"): "likewise",
    ("wire/grpc/start.py", "wire/grpc/server.py"): "loads gRPC only where it is served",
    ("pytest_plugin.py", "testing.py"): "every run of pytest loads it, and few use it",
    ("testing/application.py", "testing/documents.py"): "starts sooner, as above",
    ("testing/expect_routes.py", "testing/junit.py"): "loads what writes XML for who reads it",
    ("testing/public/server.py", "testing/public/process.py"): "loads what the test has chosen",
    ("testing/public/server.py", "testing/public/thread.py"): "likewise",
}

# Who asks the machine for the time, for chance or for its environment. Monotonic time is real
# time, which sockets and streams keep.
SOURCES: Final = frozenset({"clock.py", "ids.py", "config.py", "config_sources.py"})
ASKS: Final = re.compile(
    r"time\.(time|time_ns|localtime|gmtime|ctime|strftime)"
    r"|datetime\.(now|utcnow|today)|date\.today"
    r"|os\.(environ|environb|getenv|getenvb|putenv|urandom)"
    r"|(uuid|random|secrets)\.\w+"
)
MAY_ASK: Final = {
    ("pytest_plugin.py", "os.environ"): "where a server is that was started before the run",
    ("testing/public/process.py", "os.environ"): "a server in a process of its own gets the rest",
    ("cli/worker/child.py", "os.environ"): "a command that does a job gets the rest",
    ("cli/notify.py", "os.environ"): "where the service manager listens, which is no setting",
    ("wire/activation.py", "os.environ"): "which sockets the service manager hands over",
    ("storage/file_guard.py", "time.time"): "when the holder of a file began, for people to read",
    ("wire/access_log.py", "time.time"): "when a line was written, as those of other loggers",
    ("cli/bench.py", "secrets.token_hex"): "a client: a queue name of its own on a server",
    ("cli/load/serial.py", "random.random"): "a client: spreads its own calls",
    ("wire/grpc/start.py", "os.environ"): "tells the library what to log, which asks nothing else",
}
# The first has a port of its own, with three paths; the second says where senders of webhooks call;
# the third what all paths of the API begin with.
MAY_NAME_PATHS: Final = frozenset(
    {
        "wire/http/resources/metrics_port.py",
        "wire/shapes/organizations.py",
        "wire/http/dispatch.py",
    }
)
SQL_ASKS: Final = re.compile(
    r"\b(datetime|date|time|julianday|unixepoch|strftime)\s*\(\s*'"
    r"|\bCURRENT_(TIME|DATE|TIMESTAMP)\b|\brandom(blob)?\s*\(\s*\d*\s*\)"
)


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(), name)


def imports(name: str) -> Iterator[tuple[str, ...]]:
    """The modules a module imports, as parts below the package, or as a foreign top name."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for each in names:
            yield tuple(each.split("."))


def own_imports(name: str) -> Iterator[tuple[str, ...]]:
    """Below the package, cut to what is a module."""
    for parts in imports(name):
        if parts[0] == "spooled_lite":
            yield _module(parts[1:])


def _module(parts: tuple[str, ...]) -> tuple[str, ...]:
    while parts and not (ROOT.joinpath(*parts).with_suffix(".py").exists()):
        if ROOT.joinpath(*parts).is_dir():
            return parts
        parts = parts[:-1]
    return parts


def level(parts: tuple[str, ...]) -> int:
    return LEVEL.get(parts[0], 0) if parts else 0


def here(name: str) -> tuple[str, ...]:
    return tuple(name.removesuffix(".py").split("/"))


def test_the_rules_see_what_a_module_imports() -> None:
    seen = set(own_imports("core/lifecycle/claim.py"))

    assert ("core", "keys", "verify") in seen
    assert ("core", "lifecycle", "statements") in seen
    assert ("events",) in seen


@pytest.mark.parametrize("name", NAMES)
def test_imports_point_downhill(name: str) -> None:
    uphill = [there for there in own_imports(name) if level(there) > level(here(name))]

    assert uphill == []


def circles(imported: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The modules that import one another in a circle, directly or by way of others."""
    reached: dict[str, set[str]] = {}
    for name in imported:
        found: set[str] = set()
        left = list(imported[name])
        while left:
            there = left.pop()
            if there not in found:
                found.add(there)
                left += imported.get(there, ())
        reached[name] = found
    circle_of = {
        name: tuple(sorted(there for there in found if name in reached.get(there, ())))
        for name, found in reached.items()
        if name in found
    }
    return [list(each) for each in sorted(set(circle_of.values()))]


def test_a_circle_is_found_however_long_it_is() -> None:
    assert circles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": []}) == [["a", "b", "c"]]
    assert circles({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_no_modules_import_one_another_in_a_circle() -> None:
    """Imports inside functions and those for types alone count as well."""
    imported = {
        name: {"/".join(there) + ".py" for there in own_imports(name)} - {name} for name in NAMES
    }

    assert circles(imported) == []


def test_an_import_inside_a_function_saves_time_at_the_start() -> None:
    inside = {
        (name, "/".join(_module(tuple(f"{node.module}.{alias.name}".split("."))[1:])) + ".py")
        for name in NAMES
        for function in ast.walk(tree(name))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spooled_lite")
        for alias in node.names
    }

    assert inside == set(LAZY)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_below_wire_knows_the_web(name: str) -> None:
    web = [parts[0] for parts in imports(name) if parts[0] in WEB]

    # The parser of answers, not a server: outbound knows the network.
    is_reader = (name, web) == ("outbound/response.py", ["httptools"])
    assert web == [] or is_reader or level(here(name)) >= LEVEL["wire"]


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("core/")])
def test_core_is_synchronous(name: str) -> None:
    waits = [node for node in ast.walk(tree(name)) if isinstance(node, ast.AsyncFunctionDef)]

    assert waits == []
    assert not {"asyncio", "threading"} & {parts[0] for parts in imports(name)}


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("wire/")])
def test_what_a_caller_asks_of_the_database_is_served_in_its_turn(name: str) -> None:
    calls = [node for node in ast.walk(tree(name)) if isinstance(node, ast.Call)]

    # `Call.reads` and `Call.write` know whose turn it is; `Database.submit` is told by its owner.
    around = [
        ast.unparse(call.func)
        for call in calls
        if re.search(r"\bcall\.db\.(write|readers\.\w+)$", ast.unparse(call.func))
    ]

    assert around == []


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("wire/http/server/")])
def test_the_server_knows_nothing_of_what_it_serves(name: str) -> None:
    """Of the wire it imports its own room, and single files that every door shares."""
    above = [
        there
        for there in own_imports(name)
        if there[0] == "wire" and len(there) > 2 and there[:3] != ("wire", "http", "server")
    ]

    assert above == []


def test_every_resource_has_its_place_in_the_order() -> None:
    assert {path.name for path in (ROOT / "core").iterdir() if path.is_dir()} - {
        "__pycache__"
    } <= set(RESOURCES)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("core/")])
def test_an_operation_calls_those_of_resources_before_its_own(name: str) -> None:
    if name == "core/__init__.py":
        return
    own = RESOURCES.index(here(name)[1])

    later = [
        there
        for there in own_imports(name)
        if there[:1] == ("core",)
        and there[-1] not in LEAVES
        and (len(there) == 1 or RESOURCES.index(there[1]) > own)
    ]

    assert later == []


@pytest.mark.parametrize("name", NAMES)
def test_only_its_sources_ask_for_time_chance_and_environment(name: str) -> None:
    if name in SOURCES:
        return
    asked = {
        text
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute)
        and ASKS.fullmatch(text := ast.unparse(node))
        and (name, text) not in MAY_ASK
    }
    from_names = {
        ".".join(parts) for parts in imports(name) if ASKS.fullmatch(".".join(parts[-2:]))
    }

    assert asked | from_names == set()


def test_no_exception_is_kept_that_is_none() -> None:
    asked = {
        (name, ast.unparse(node))
        for name, _ in MAY_ASK
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute)
    }

    assert set(MAY_ASK) <= asked


@pytest.mark.parametrize("name", NAMES)
def test_no_statement_asks_for_time_or_chance(name: str) -> None:
    asked = [
        node.value
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"\b(SELECT|UPDATE|INSERT|DELETE)\b", node.value)
        and SQL_ASKS.search(node.value)
    ]

    assert asked == []


def test_no_migration_asks_for_time_or_chance() -> None:
    for path in (ROOT / "storage" / "migrations").glob("*.sql"):
        assert SQL_ASKS.search(path.read_text()) is None, path.name


# Folders of tests that belong to no room: about the whole server, or files that tests compare with.
TESTS_BESIDE: Final = frozenset(
    {
        *("crash", "flow_model", "power", "released", "sdk", "sdk/go_client", "soak"),
        "wire/realtime/golden",
    }
)


def test_a_folder_of_tests_has_the_name_of_its_room() -> None:
    tests = ROOT.parent / "tests"
    folders = {path.parent.relative_to(tests).as_posix() for path in tests.rglob("*.*")}
    folders -= {name for name in folders if "__pycache__" in name or "." in name.split("/")}

    assert {name for name in folders if not (ROOT / name).is_dir()} == TESTS_BESIDE


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("__init__.py")])
def test_importing_one_module_imports_one_module(name: str) -> None:
    text = (ROOT / name).read_text()

    if name == "__init__.py":
        assert not list(imports(name))
    elif name == "testing/__init__.py":  # the public names, imported when they are asked for
        code = "import sys, spooled_lite.testing; print(*sys.modules)"
        told = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        ours = {each for each in told.stdout.split() if each.startswith("spooled_lite")}
        assert ours == {"spooled_lite", "spooled_lite.testing"}
    else:
        assert text == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_about_one_subject(name: str) -> None:
    assert len((ROOT / name).read_text().splitlines()) <= LINES_MAX


def test_every_path_stands_in_the_table_of_routes_and_nowhere_else() -> None:
    """So that a rule about a path is a column of its row. What describes the paths names them."""
    first = {path.split("/")[1] for _, path, *_ in ROUTES} - {""}
    literals = {
        (name, node.value)
        for name in NAMES
        if name.startswith("wire/") and not name.startswith("wire/http/documents/")
        if not name.endswith("routes.py")
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant)
        and (text := _text(node.value)).startswith("/")
        and text.split("/")[1] in first
    }

    assert {name for name, _ in literals} == MAY_NAME_PATHS


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""


def test_the_front_door_of_writes_is_typed_and_knows_no_lane() -> None:
    """So that mypy sees arguments and results, and a lane is declared beside its operation."""
    doors = [
        node
        for name in ("storage/database.py", "wire/http/call.py", "wire/grpc/call.py")
        for node in ast.walk(tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name in ("write", "submit")
    ]

    assert len(doors) == 4
    for door in doors:
        signature = ast.unparse(door.args) + ast.unparse(door.returns or ast.Constant(None))
        assert "Any" not in signature
        assert "P.args" in signature
        assert "lane" not in signature.lower()


# Beside the statements: what storage keeps for itself, and the look whether the file can be read.
MAY_HOLD_SQL: Final = frozenset({"wire/http/resources/health.py"})
SQL: Final = re.compile(r"^\s*(WITH|SELECT|INSERT INTO|INSERT OR|UPDATE|DELETE FROM)\s")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("storage/")])
def test_sql_stands_in_the_statements_of_its_resource(name: str) -> None:
    if name.endswith("statements.py") or name in MAY_HOLD_SQL:
        return
    found = [
        node.value.strip()[:40]
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]

    assert found == []


@pytest.mark.parametrize("name", [name for name in NAMES if level(here(name)) in (2, 3, 4, 5)])
def test_the_rows_of_a_statement_have_a_type(name: str) -> None:
    """`Reading.row` and `rows` take a `Statement`, which names the type; nothing goes around it."""
    loose = [
        ast.unparse(node)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "sqlite3.Row"
    ]
    around = [
        ast.unparse(node.func)
        for node in ast.walk(tree(name))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("fetchone", "fetchall")
    ]

    assert loose + around == []


# Names that two modules may define, with the reason.
TWICE: Final = {
    "Call": "each door has its own, which knows its protocol; nobody imports both",
    "Clock": "as a test in Python has it: spooled_lite.testing",
    "Faults": "likewise",
    "Journal": "likewise",
    "MailInbox": "likewise",
    "Moved": "likewise",
    "Outcome": "likewise",
    "WebhookInbox": "likewise",
    "World": "likewise",
}


def defined(name: str) -> Iterator[str]:
    """The public classes, aliases and constants that a module defines."""
    for node in tree(name).body:
        if isinstance(node, ast.ClassDef):
            found = [node.name]
        elif isinstance(node, ast.AnnAssign):
            found = [ast.unparse(node.target)]
        elif isinstance(node, ast.Assign) and not _makes_a_type_variable(node.value):
            found = [ast.unparse(target) for target in node.targets]
        else:
            continue
        yield from (each for each in found if not each.startswith("_") and each != "logger")


def _makes_a_type_variable(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("TypeVar", "ParamSpec")


def is_local(module: str, name: str) -> bool:
    """Whether a name is read with the name of its module, or describes a field of one resource."""
    is_constant = name.isupper()
    if module.endswith("statements.py") or module.startswith("wire/http/documents/described/"):
        return is_constant  # `statements.INSERT`, and a table for each group of routes
    if not module.startswith("wire/shapes/"):
        return False
    return not any(
        isinstance(node, ast.ClassDef) and node.name == name for node in tree(module).body
    )


def test_a_class_or_an_alias_is_defined_once() -> None:
    modules: dict[str, list[str]] = {}
    for module in NAMES:
        for name in defined(module):
            if not name.isupper() and not is_local(module, name):
                modules.setdefault(name, []).append(module)

    assert {name for name, those in modules.items() if len(those) > 1} == set(TWICE)


def test_a_constant_that_others_import_is_defined_once() -> None:
    """A bound that only its own module reads may be called as that of another module."""
    imported: dict[str, set[str]] = {}
    for module in NAMES:
        for parts in imports(module):
            there, name = "/".join(parts[1:-1]) + ".py", parts[-1]
            if name.isupper() and there in NAMES and name in defined(there):
                imported.setdefault(name, set()).add(there)

    assert [name for name, modules in imported.items() if len(modules) > 1] == []
