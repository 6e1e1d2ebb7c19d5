"""Looks at the images of a record, one after the other, each where the recorded folder stood."""

import random
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.power.disk import Disk, Loss
from tests.power.recording import Record, Recording

SHOWN_MAX: Final = 10

# Looks at an image. Given are the folder, and the disk with all records so far.
Look = Callable[[Path, Disk], Iterable[str]]


def look_at_images(recording: Recording, count: int, seed: str, look: Look) -> list[str]:
    """Cut the power so often, at moments and with losses of the seed. Returns all complaints.

    An image with complaints is kept.
    """
    chance = random.Random(seed)
    records = recording.records()
    folder = recording.folder
    folder.rename(folder.with_name("recorded"))
    complaints: list[str] = []
    disk = Disk(folder)
    for number, moment in enumerate(_moments(records, recording.begins_at, count, chance)):
        for record in records[disk.records : moment]:
            disk.follow(record)
        loss = Loss.drawn(chance)
        disk.build(folder, loss)
        kept = folder.with_name(f"image-{number}")
        shutil.copytree(folder, kept)
        if found := list(look(folder, disk)):
            where = f"{kept.name} (record {moment}, after {_said(records[moment - 1])};"
            lost = f"lost: {loss.of_sectors} of the sectors, {loss.of_names} of the names)"
            complaints.append("\n  ".join([f"{where} {lost}", *found]))
        else:
            shutil.rmtree(kept)
        shutil.rmtree(folder)
    return complaints[:SHOWN_MAX]


def _said(record: Record) -> str:
    return f"{record.kind} {record.path or record.data!r} {record.other}".strip()


def _moments(records: Sequence[Record], first: int, count: int, chance: random.Random) -> list[int]:
    """After how many records to cut the power: often just after one that makes a difference."""
    kinds = ("n", "sSrlu", "cdwtxsSrlun")
    places = [
        [number for number, each in enumerate(records, 1) if number > first and each.kind in kind]
        for kind in kinds
    ]
    return sorted(chance.choice(places[number % len(places)]) for number in range(count))
