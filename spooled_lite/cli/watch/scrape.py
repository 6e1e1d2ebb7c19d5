"""Figures out of the text of `/metrics`: sums, and quantiles of what happened between two looks."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import Final, Self

from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

Buckets = Mapping[float, float]
SCRAPE_CHARS_MAX: Final = 4_000_000  # ours has some 30,000, and 200 bytes for a queue


class Scrape(Struct, frozen=True):
    """One look. Series with labels are left out, but for the buckets of histograms."""

    values: Mapping[str, float]
    buckets: Mapping[str, Buckets]

    @classmethod
    def of(cls, text: str) -> Self | None:
        """None for a text that is none of metrics."""
        values: dict[str, float] = {}
        buckets: dict[str, dict[float, float]] = {}
        if len(text) > SCRAPE_CHARS_MAX:
            return None
        try:
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    if not sample.labels:
                        values[sample.name] = sample.value
                    elif sample.labels.keys() == {"le"}:
                        name = sample.name.removesuffix("_bucket")
                        buckets.setdefault(name, {})[float(sample.labels["le"])] = sample.value
        except (ValueError, KeyError, IndexError, TypeError):
            return None
        return cls(values, buckets)

    def value(self, name: str) -> float | None:
        found = self.values.get(name)
        return found if found is not None and isfinite(found) else None

    def quantile(self, name: str, share: float, since: "Scrape | None") -> float | None:
        """The value that this share of the observations since an earlier look did not exceed; None
        where there were none. Within a bucket they are taken to be spread evenly."""
        counts = dict(self.buckets.get(name, {}))
        for bound, before in (since.buckets.get(name, {}) if since is not None else {}).items():
            counts[bound] = counts.get(bound, 0.0) - before
        total = counts.get(inf, 0.0)
        if total <= 0:
            return None
        below, count_below = 0.0, 0.0
        for bound in sorted(counts):
            if counts[bound] >= share * total:
                inside = counts[bound] - count_below
                part = (share * total - count_below) / inside if inside > 0 else 1.0
                return below if bound == inf else below + (bound - below) * part
            below, count_below = bound, counts[bound]
        return None
