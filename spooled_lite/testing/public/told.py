"""Answers of the API as objects that a test reads."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from spooled_lite.testing.public.times import time_in

T = TypeVar("T")


def told(kind: type[T], about: Mapping[str, Any]) -> T:
    """An answer as a dataclass: `at` as a time, and without what a newer server says besides."""
    names = {each.name for each in fields(kind)}  # type: ignore[arg-type]  # it is a dataclass
    known = {name: value for name, value in about.items() if name in names}
    return kind(**{**known, "at": time_in(about["at"])})
