"""What is asked of a server, and what is told of one that has started."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from typing import Final, Literal, TypedDict, get_args

ADMIN_KEY_BYTES: Final = 24
API_KEY_BYTES: Final = 24
VARIABLE_PREFIX: Final = "SPOOLED_"


ClockOption = Literal["frozen", "real"]


class ServerOptions(TypedDict, total=False):
    """What `Server` and `AsyncServer` take. All may be left out."""

    seed: int | None  # ids, secrets and tokens are the same in every run; time begins in 2030
    at: datetime | str | None  # when time begins
    clock: ClockOption  # `real` goes as the machine's does, until it is frozen
    grpc: bool  # serve gRPC as well, if it is installed
    database: str | None  # a file that lasts, which test mode must have made; else it goes
    seed_file: str | PathLike[str] | None  # what it begins with, and goes back to: see `World.seed`
    process: bool  # in a process of its own, which ends with this one; else in a thread
    settings: Mapping[str, object] | None  # of the server, by the names of the configuration file


def check_options(given: ServerOptions) -> None:
    """Raises TypeError: an option that is none, with the nearest one; or no such clock."""
    known = ServerOptions.__annotations__
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
            raise TypeError(f"a server has no option `{name}`; the nearest is `{near}`")
    clocks = get_args(ClockOption)
    if given.get("clock", "frozen") not in clocks:
        raise TypeError(f"the option `clock` is one of {clocks}")


@dataclass(frozen=True)
class ServerChoice:
    seed: int | None
    at: str | None
    grpc: bool
    database: str | None
    admin_key: str
    settings: Mapping[str, object] = field(default_factory=dict)
    seed_file: str | None = None

    def texts(self) -> dict[str, str]:
        """Settings by name, each as it is written in the environment."""
        chosen: dict[str, object] = {
            "database": self.database or ":memory:",
            "port": 0,
            "grpc_port": "auto" if self.grpc else "off",
            "admin_key": self.admin_key,
            **self.settings,
        }
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in chosen.items()
            if value is not None
        }


@dataclass(frozen=True)
class ReadyServer:
    """A server that accepts connections."""

    url: str
    grpc_address: str | None
    organization_id: str
    api_key: str | None
    keys: Mapping[str, str] = field(default_factory=dict)  # of the seed file, by name


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process, without what would set up a server by chance."""
    return {name: value for name, value in environ.items() if not name.startswith(VARIABLE_PREFIX)}
