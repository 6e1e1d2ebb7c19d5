"""What was asked of a server, and what is told of one that has started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ADMIN_KEY_BYTES: Final = 24
VARIABLE_PREFIX: Final = "SPOOLED_"


@dataclass(frozen=True)
class ServerChoice:
    seed: int | None
    at: str | None
    grpc: bool
    database: str | None
    admin_key: str
    settings: Mapping[str, object] = field(default_factory=dict)

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


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process, without what would set up a server by chance."""
    return {name: value for name, value in environ.items() if not name.startswith(VARIABLE_PREFIX)}
