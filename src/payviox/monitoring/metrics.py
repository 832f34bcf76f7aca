"""Prometheus metrics of the web processes, and of the database they work on. Labels are routes,
states and kinds of account: never an id, an email or a hash."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from payviox import __version__
from payviox.allocations.batcher import Batcher
from payviox.monitoring import shared_counts
from payviox.monitoring.figures_metrics import figures_metrics
from payviox.monitoring.service import Figures

# A third of the series, and nobody asks when a counter was made.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types half of itself

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000)


class Metrics:
    """What one process counts. The series of a route are looked up once and kept.

    Where there is a `folder`, the processes that share it count there, each under its `number`, and
    each of them renders what all have counted. A process goes on from what one of the same number
    counted before it, so that nothing is counted backwards; make no second one of these there.
    """

    def __init__(self, batcher: Batcher, number: int = 1, folder: str | None = None) -> None:
        self._batcher = batcher
        self._number = number
        self._folder = folder
        self._own = registry = CollectorRegistry()
        if folder is not None:
            shared_counts.join(Path(folder), number)
        self._requests = Counter(
            "payviox_http_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "payviox_http_request_duration_seconds",
            "From the request's head to the answer's end",
            ["method", "route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._queue = Gauge(
            "payviox_allocation_queue_items",
            "Allocations waiting for a commit",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.group_items = Histogram(
            "payviox_allocation_group_items",
            "Allocations that shared one commit",
            buckets=ITEMS,
            registry=registry,
        )
        batcher.on_group = self.group_items.observe
        self.callbacks = Counter(
            "payviox_rail_callbacks",
            "Callbacks from rails: new, repeated, forged, not verified",
            ["rail", "outcome"],
            registry=registry,
        )
        self.requests_left_out = Counter(
            "payviox_api_requests_left_out",
            "Requests that were answered and are not among those kept to look at",
            registry=registry,
        )
        self._series: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        key = (method, route, status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(method, route),
            )
        series[0].inc()
        series[1].observe(seconds)

    def refresh(self) -> None:
        """Write down what is no count: the processes beside this one read it there."""
        self._queue.set(self._batcher.queued)

    def render(self, figures: Figures | None) -> bytes:
        """The exposition text, with the database's figures where there are any."""
        self.refresh()
        return generate_latest(_Page(self._collect(figures)))

    def _collect(self, figures: Figures | None) -> Iterator[Metric]:
        version = GaugeMetricFamily("payviox_info", "The running version", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        if self._folder is None:
            yield from _processes({self._number: "self"})
            yield from self._own.collect()
        else:
            yield from _processes(shared_counts.pids(Path(self._folder)))
            yield from MultiProcessCollector(None, self._folder).collect()  # type: ignore[no-untyped-call]
        yield from figures_metrics(figures)


class _Page(Collector):
    """What is on one page."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _processes(pids: dict[int, str]) -> Iterable[Metric]:
    """Memory, processor time and so on of each process. One that has just ended is left out."""
    every: dict[str, Metric] = {}
    for number, pid in pids.items():
        of_one = ProcessCollector(pid=lambda pid=pid: pid, registry=None)  # type: ignore[misc]
        for metric in of_one.collect():
            shown = every.setdefault(
                metric.name, Metric(metric.name, metric.documentation, metric.type)
            )
            for sample in metric.samples:
                labels = {**sample.labels, "process": str(number)}
                shown.add_sample(sample.name, labels, sample.value)
    return every.values()
