"""The soak of a real server.

    python -m tests.soak --minutes 10

An hour is a tenth of that time: in each there is a backup that is looked at, and in the first two
thirds a kill, after which the file is compared with what the clients were told. In the rest memory,
open files, log and file may not grow.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.soak.hours import Soak

HOURS: Final = 10
MINUTES_MAX: Final = 24 * 60


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="at most a day")
    parser.add_argument(
        "--hours", type=int, default=HOURS, help="into how many hours it is divided"
    )
    given = parser.parse_args()
    if not 0 < given.minutes <= MINUTES_MAX or not 0 < given.hours <= MINUTES_MAX:
        parser.error(f"--minutes and --hours are from 1 to {MINUTES_MAX}")
    with tempfile.TemporaryDirectory(prefix="spooled-soak-") as folder:
        hour_seconds = 60 * given.minutes / given.hours
        soak = Soak(Path(folder), hours=given.hours, hour_seconds=hour_seconds)
        asyncio.run(soak.run(lambda words: print(words, flush=True)))  # noqa: T201
    for each in soak.complaints:
        print(each)  # noqa: T201
    sys.exit(1 if soak.complaints else 0)


if __name__ == "__main__":
    main()
