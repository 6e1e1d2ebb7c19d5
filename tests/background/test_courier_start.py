"""After a start the dead receivers of one organization do not hold up those of another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from spooled_lite.core.orgs.create import create
from spooled_lite.storage.transaction import Tx
from tests.background.courier_stage import PLACES_MAX, CourierStage, delivering, received
from tests.factories import an_org
from tests.outbound.receiver import Receiver
from tests.storage.stage import run

DEAD: Final = 2 * PLACES_MAX  # more than there are places


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as it:
        yield it


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


async def as_another_org(stage: CourierStage) -> None:
    def another(tx: Tx) -> int:
        seq: int = create(tx, an_org(name="Other", slug="other"))["seq"]
        return seq

    stage.org = await stage.database.write(another)


async def owe_to_the_dead(stage: CourierStage, receiver: Receiver) -> None:
    for number in range(DEAD):
        await stage.subscribe(receiver.url("hangs", str(number)))
    await stage.enqueue()
    await stage.looked()


@pytest.mark.slow
def test_a_receiver_that_is_known_from_before_is_called_at_once(
    path: Path, receiver: Receiver
) -> None:
    async def before() -> int:
        async with delivering(path) as stage:
            await owe_to_the_dead(stage, receiver)
            await as_another_org(stage)
            await stage.subscribe(receiver.url("ok", "known"))
            await stage.enqueue()
            await received(receiver, "/ok/known", count=1, over=True)
            await stage.looked()
            return stage.org

    async def after(org: int) -> None:
        async with delivering(path) as stage:
            await stage.looked()
            stage.org = org
            await stage.enqueue(count=3)
            called = await received(receiver, "/ok/known", count=3)
            over = [each for each in await received(receiver, over=True) if each.mode == "hangs"]
            assert len(called) == 3
            assert over == [], "no place had to become free"

    org = run(before())
    receiver.forget()
    run(after(org))


@pytest.mark.slow
def test_a_receiver_of_an_organization_that_has_called_nobody_is_called_at_once(
    path: Path, receiver: Receiver
) -> None:
    async def main() -> None:
        async with delivering(path) as stage:
            await owe_to_the_dead(stage, receiver)
            receiver.forget()
            await as_another_org(stage)
            await stage.subscribe(receiver.url("ok", "new"))
            await stage.enqueue()

            assert len(await received(receiver, "/ok/new", count=1)) == 1
            over = [each for each in await received(receiver, over=True) if each.mode == "hangs"]
            assert over == [], "no place had to become free"

    run(main())
