"""An export as a list of lines, an empty file to take them, and the way from one to the other."""

import json
from collections.abc import Sequence
from typing import Any, Final

from spooled_lite.core.export.lines import ExportHeader
from spooled_lite.core.export.read import WantedLines, chunks
from spooled_lite.core.export.settle import find_circle, recount
from spooled_lite.core.export.take import Decoded, Decoder, ImportPosition, Taker
from spooled_lite.core.maintenance.check import problems
from tests.core.store import Store
from tests.core.webhooks.hook_stage import HookStage

HEADER: Final = ExportHeader(program="0", schema=1, made_at="now", moment="m", file_id="f")
ALL: Final = WantedLines()


def whole(store: Store, wanted: WantedLines = ALL) -> list[bytes]:
    """All lines, with the first and the last one."""
    return b"".join(chunks(store._connection, wanted, HEADER)).splitlines(keepends=True)


def exported(store: Store, wanted: WantedLines = ALL) -> list[bytes]:
    """The lines between the first and the last one."""
    return whole(store, wanted)[1:-1]


def read(lines: Sequence[bytes], kind: str | None = None) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in lines]
    return [line for line in found if kind is None or line["kind"] == kind]


class EmptyStage(HookStage):
    """A file without an organization, which takes lines as an import does."""

    def __init__(self) -> None:
        super().__init__()
        self._connection.execute("DELETE FROM organizations")

    def take_lines(
        self,
        lines: Sequence[bytes],
        *,
        only: str | None = None,
        allows_unknown: bool = False,
    ) -> None:
        decoder, taker = Decoder(allows_unknown=allows_unknown), Taker(only=only)
        decoded = [decoder.decoded(number, line) for number, line in enumerate(lines, start=2)]
        known: list[Decoded] = [each for each in decoded if each is not None]
        self.run(taker.take, known, ImportPosition(len(lines) + 1, ""))
        for org in taker.orgs.values():
            self.run(recount, org)
            self.org = org

    def problems(self) -> list[str]:
        circle = self.read(find_circle)
        return [*([] if circle is None else [circle.said]), *self.read(problems)]


def taken(lines: Sequence[bytes]) -> EmptyStage:
    stage = EmptyStage()
    stage.take_lines(lines)
    return stage
