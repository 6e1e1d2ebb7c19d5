"""How long attempts take and jobs wait, in buckets: two for each doubling of the time."""

from typing import Final

# Kinds of minute_histograms.
DURATIONS: Final = "d"  # of attempts that completed their job
WAITS: Final = "w"  # of a job until that attempt began


def bucket_of(milliseconds: int) -> int:
    """0 for nothing; bucket n holds times from 2 ** ((n - 1) / 2) to below 2 ** (n / 2)."""
    return (milliseconds * milliseconds).bit_length()


def quantile(counts: dict[int, int], share: float) -> int | None:
    """The time that this share of them does not pass, by its bucket; None for none."""
    total = sum(counts.values())
    if not total:
        return None
    left = share * total
    for bucket in sorted(counts):
        count = counts[bucket]
        if left <= count:
            low, high = _edges(bucket)
            return round(low + (high - low) * left / count)
        left -= count
    raise AssertionError("a share is at most all of them")


def _edges(bucket: int) -> tuple[float, float]:
    if bucket == 0:
        return 0.0, 0.0
    return 2 ** ((bucket - 1) / 2), 2 ** (bucket / 2)
