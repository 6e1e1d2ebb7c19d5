"""Stores the lines of an export in a file, some at a time, each time with how far that came."""

import re
import sqlite3
from collections.abc import Sequence
from typing import Final, Union

import msgspec
from msgspec import Struct

from spooled_lite.core.export import take_statements as statements
from spooled_lite.core.export.all_kinds import BY_NAME, LINE_KINDS
from spooled_lite.core.export.kind import TAG, LineKind, params_of
from spooled_lite.core.export.kinds.organizations import ORGANIZATION
from spooled_lite.errors import BadRequest, SpooledError
from spooled_lite.storage.transaction import Reading, Tx

_BROKEN: Final = re.compile(r"(UNIQUE|NOT NULL|CHECK) constraint failed: (.*)", re.DOTALL)


class LineRefused(BadRequest):
    """A line cannot be stored. The message says which, and why."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")


class ImportPosition(Struct, frozen=True):
    """How far an import has come: these lines of the file are stored, the first one counted."""

    lines: int
    sha256: str  # of those between the first line of the file and the next one


class Decoded(Struct, frozen=True):
    number: int  # of the line, from 1
    kind: LineKind
    record: Struct


class _Named(Struct, frozen=True, rename={"name": TAG}):
    name: str


class Decoder:
    """Makes records of lines."""

    def __init__(self, *, allows_unknown: bool) -> None:
        """`allows_unknown`: kinds and members that this version does not know are left out."""
        self._allows_unknown = allows_unknown
        records = tuple(kind.record(allows_unknown=allows_unknown) for kind in LINE_KINDS)
        self._record: msgspec.json.Decoder[Struct] = msgspec.json.Decoder(Union[records])  # noqa: UP007
        self._name = msgspec.json.Decoder(_Named)

    def name_of(self, number: int, line: bytes) -> str:
        """The name of its kind. Raises LineRefused."""
        try:
            return self._name.decode(line).name
        except (msgspec.MsgspecError, RecursionError) as error:
            raise LineRefused(number, str(error)) from error

    def decoded(self, number: int, line: bytes) -> Decoded | None:
        """None: of an unknown kind, which is left out. Raises LineRefused."""
        try:
            if not line.isascii():
                line.decode()  # parts that are kept as they are would not be looked at
            record = self._record.decode(line)
        except UnicodeDecodeError as error:
            raise LineRefused(number, "it is not UTF-8") from error
        except (msgspec.MsgspecError, RecursionError) as error:
            name = self.name_of(number, line)
            if name in BY_NAME:
                raise LineRefused(number, self._with_hint(str(error))) from error
            if self._allows_unknown:
                return None
            reason = self._with_hint(f"unknown kind `{name}`")
            raise LineRefused(number, reason) from error
        return Decoded(number, BY_NAME[str(record.__struct_config__.tag)], record)

    def _with_hint(self, reason: str) -> str:
        if "unknown" not in reason:
            return reason
        return f"{reason}; import it with the version that made it, or with --ignore-unknown"


class Taker:
    """Stores lines. `orgs` are the numbers of the organizations that came with them."""

    def __init__(self, *, only: str | None) -> None:
        """`only`: no other organization than this one is taken."""
        self.orgs: dict[str, int] = {}
        self._only = only
        self._inserts = {kind.name: kind.insert for kind in LINE_KINDS}

    def find_orgs(self, tx: Reading) -> None:
        """After a break: those that had come before it."""
        self.orgs = {row["id"]: row["seq"] for row in tx.rows(statements.ORGANIZATIONS)}

    def take(self, tx: Tx, lines: Sequence[Decoded], position: ImportPosition) -> None:
        """Store some lines and how far that comes, all or nothing.

        Raises:
            LineRefused: one of them cannot be stored.
        """
        for line in lines:
            try:
                self._store(tx, line.kind, line.record)
            except LineRefused:
                raise
            except SpooledError as error:
                raise LineRefused(line.number, error.message) from error
            except sqlite3.IntegrityError as error:
                raise LineRefused(line.number, _broken_rule(line.kind, error)) from error
            except OverflowError as error:
                raise LineRefused(line.number, "a number in it is too large") from error
        tx.execute(statements.KEEP_POSITION, {"position": msgspec.json.encode(position)})

    def _store(self, tx: Tx, kind: LineKind, record: Struct) -> None:
        params = params_of(kind, record)
        org_id: str | None = params.get("organization_id")
        if kind is ORGANIZATION:
            org_id = params["id"]
            if self._only not in (None, org_id):
                raise BadRequest(f"organization {org_id} is not {self._only}, which is imported")
        elif org_id is not None:
            # Only of those that came with this file: never into another one of an older file.
            if org_id not in self.orgs:
                raise BadRequest(f"`organization_id`: there is no organization {org_id} above it")
            params["org"] = self.orgs[org_id]
        kind.store(tx, self._inserts[kind.name], params)
        if kind is ORGANIZATION:
            assert org_id is not None, "a line has its members"
            found = tx.value(statements.NUMBER, {"id": org_id})
            assert found is not None, "it was stored just now"
            self.orgs[org_id] = found


def position(tx: Reading) -> ImportPosition | None:
    """How far an import into this file has come; None: none was begun."""
    found = tx.value(statements.POSITION)
    return None if found is None else msgspec.json.decode(found, type=ImportPosition)


def forget_position(tx: Tx) -> None:
    """The import is done."""
    tx.execute(statements.FORGET_POSITION)


def _broken_rule(kind: LineKind, error: sqlite3.IntegrityError) -> str:
    """A rule of the schema in words."""
    found = _BROKEN.match(str(error))
    if found is None:
        return f"it does not fit the rest: {error}"
    rule, about = found.groups()
    if rule == "CHECK":
        return f"it contradicts itself: {' '.join(about.split())}"
    columns = [each.rpartition(".")[2] for each in about.split(", ")]
    if rule == "NOT NULL":
        return kind.missing(columns[0])
    names = " and ".join(f"`{kind.member_of(each)}`" for each in columns if each != "org")
    return f"there is one with the same {names} already"
