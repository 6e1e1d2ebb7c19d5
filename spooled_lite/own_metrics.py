"""The metrics of one organization, for a caller with one of its keys."""

from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from spooled_lite.metrics import COUNTERS, GAUGES

# Help texts for the figures of one organization that differ from those of the whole server.
OWN: Final[Mapping[str, str]] = {
    "spooled_jobs_enqueued_total": "Jobs created in total",
    "spooled_jobs_completed_total": "Jobs completed in total",
    "spooled_jobs_failed_total": "Attempts that failed in total",
}


class OwnMetrics(Collector):
    """The figures of one organization, under the same names as those of the whole server."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values

    def collect(self) -> Iterator[Metric]:
        for name, value in self._values.items():
            if name in COUNTERS:
                yield CounterMetricFamily(name, OWN[name], value=value)
            else:
                yield GaugeMetricFamily(name, GAUGES[name], value=value)


def own_text(values: Mapping[str, float]) -> bytes:
    """The figures of one organization, in the text format of Prometheus."""
    registry = CollectorRegistry()
    registry.register(OwnMetrics(values))
    return generate_latest(registry)
