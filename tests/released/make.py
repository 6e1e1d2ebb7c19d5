"""`make released`: makes the file of this version, for the tests of all later ones."""

import asyncio
import sys
import tempfile
from pathlib import Path

import spooled_lite
from tests.released.made import keep, kept, make, released, remove


def main() -> None:
    version = spooled_lite.__version__
    if version in released():
        sys.exit(f"{version} is released: its file is what it made then, and is never made again")
    for draft in kept():
        if draft not in released():
            remove(draft)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spooled.db"
        keep(version, file, asyncio.run(make(file)))


if __name__ == "__main__":
    main()
