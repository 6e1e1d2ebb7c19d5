"""Seed files: JSON, TOML, and YAML where PyYAML is installed. Each becomes a body of
POST /test/seed."""

import json
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final, Self

SEED_BYTES_MAX: Final = 5 * 1024 * 1024  # what a body may have, which the file becomes
YAML_NOT_INSTALLED: Final = (
    "YAML needs PyYAML, which is not installed: `pip install PyYAML`, or write JSON or TOML"
)
GOES_WITH_NO_FILE_THAT_LASTS: Final = (
    "a seed file goes with a database that is thrown away; store the seed in one that lasts once,"
    " with POST /api/v1/test/seed"
)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_TRUTH_VALUES: Final = "tTfF"


class CannotSeed(Exception):
    """The seed cannot be read, or the server refuses it at its start. Names the file."""


@dataclass(frozen=True)
class SeedFile:
    """A seed file that was read."""

    path: str
    body: bytes

    @classmethod
    def read(cls, path: str | PathLike[str]) -> Self:
        """Raises: as `body_of_file`."""
        return cls(str(path), body_of_file(path))


def body_of_file(path: str | PathLike[str]) -> bytes:
    """A seed file as a body.

    Raises:
        CannotSeed: it cannot be read, or is not what its name says.
    """
    file = Path(path)
    read = _FORMATS.get(file.suffix.lower())
    if read is None:
        raise CannotSeed(f"{file}: a seed file ends with {', '.join(_FORMATS)}")
    try:
        with file.open("rb") as opened:
            raw = opened.read(SEED_BYTES_MAX + 1)
        if len(raw) > SEED_BYTES_MAX:
            raise ValueError(f"it is larger than {SEED_BYTES_MAX} bytes")
        return read(raw.removeprefix(_BYTE_ORDER_MARK))
    except OSError as error:
        raise CannotSeed(f"{file}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise CannotSeed(f"{file}: {error}") from error


def body_of(seed: Mapping[str, Any]) -> bytes:
    """A seed as a body. Raises ValueError: JSON cannot say something in it."""
    _check(seed)
    try:
        return json.dumps(seed, ensure_ascii=False, allow_nan=False, default=_plain).encode()
    except TypeError as error:
        raise ValueError(str(error)) from error


def _plain(value: object) -> str:
    """Times of TOML and of Python. Raises TypeError: there is nothing like it in JSON."""
    if isinstance(value, datetime | date | time):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"JSON has nothing like {type(value).__name__}")


def _of_toml(raw: bytes) -> bytes:
    return body_of(tomllib.loads(raw.decode("utf-8")))


def _of_yaml(raw: bytes) -> bytes:
    try:
        yaml: Any = import_module("yaml")
    except ImportError:
        raise ValueError(YAML_NOT_INSTALLED) from None
    try:
        found = yaml.load(raw.decode("utf-8"), Loader=_yaml_loader(yaml))  # a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    if not isinstance(found, dict):
        raise ValueError("a seed has sections, such as `jobs:`")
    return body_of(found)


def _yaml_loader(yaml: Any) -> Any:
    """The safe loader, for which times stay as they are written, and of words only `true` and
    `false` are no texts: `on` is a member of faults."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # of a module that need not be there
        pass

    left_out = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in known if tag not in left_out]
        for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    truth = yaml.reader.re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:bool", truth, list(_TRUTH_VALUES))
    return Loader


_FORMATS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    ".json": lambda raw: raw,
    ".toml": _of_toml,
    ".yaml": _of_yaml,
    ".yml": _of_yaml,
}


def _check(seed: object) -> None:
    """Refuse what JSON cannot say, and a seed that is too large when it is written out: in YAML a
    few lines may refer to one another until they are more than the memory holds."""
    left, size = [seed], 0
    while left:
        value = left.pop()
        size += 1
        match value:
            case dict():
                for name in value:
                    if not isinstance(name, str):
                        raise ValueError(f"names of members are texts, and {name!r} is none")
                    size += len(name)
                left += value.values()
            case list() | tuple():
                left += value
            case str():
                size += len(value)
            case float() if not math.isfinite(value):
                raise ValueError(f"JSON has no number {value}")
        if size > SEED_BYTES_MAX:
            raise ValueError(f"it is larger than {SEED_BYTES_MAX} bytes when it is written out")
