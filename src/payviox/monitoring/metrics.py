"""Prometheus metrics of one web process, and of the database it works on. Labels are routes, states
and kinds of account: never an id, an email or a hash."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from payviox import __version__
from payviox.allocations.batcher import Batcher
from payviox.monitoring.archive_metrics import ArchiveMetrics
from payviox.monitoring.reconciliation_metrics import ReconciliationMetrics
from payviox.monitoring.service import Figures

# A third of the series, and nobody asks when a counter was made.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library types half of itself

SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
MODES = ("live", "test")
ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000)


class Metrics:
    """The registry of one process. The series of a route are looked up once and kept."""

    def __init__(self, batcher: Batcher) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        version = Gauge("payviox_info", "The running version", ["version"], registry=registry)
        version.labels(__version__).set(1)
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
        queue = Gauge(
            "payviox_allocation_queue_items", "Allocations waiting for a commit", registry=registry
        )
        queue.set_function(lambda: batcher.queued)
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
        self._add_figures(registry)

    def _add_figures(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, help_: str, *labels: str) -> Gauge:
            return Gauge(f"payviox_{name}", help_, labels, registry=registry)

        self._up = gauge("database_up", "Whether the database answered")
        self._workers = gauge("workers", "Workers heard of within the last minute")
        self._heartbeat = gauge("worker_heartbeat_age_seconds", "Age of the freshest heartbeat")
        self._order_age = gauge("orders_oldest_due_seconds", "How long the oldest order is due")
        self._pending = gauge("deliveries_pending", "Webhook deliveries to be made")
        self._delivery_age = gauge(
            "deliveries_oldest_due_seconds", "How long the oldest webhook delivery is due"
        )
        self._orders = gauge("orders_open", "Orders that are not final", "mode", "status")
        self._waiting = gauge(
            "orders_waiting",
            "Orders that wait, by cause; `person` needs one",
            "mode",
            "rail",
            "cause",
        )
        self._unknown_reasons = gauge(
            "orders_reason_unknown",
            "Orders whose reason this version has no words for, by what it is a reason for",
            "mode",
            "kind",
        )
        self._balances = gauge(
            "balance_cents", "Balances; `user` is what payout users are owed", "mode", "account"
        )
        self._low_stock = gauge(
            "gift_card_products_low", "Gift-card products under the alert level", "mode"
        )

        self._reconciliation = ReconciliationMetrics(registry)
        self._archive = ArchiveMetrics(registry)

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

    def render(self, figures: Figures | None) -> bytes:
        """The exposition text, with the database's figures where there are any."""
        self._up.set(figures is not None)
        for gauge in (
            self._orders,
            self._waiting,
            self._unknown_reasons,
            self._balances,
            self._low_stock,
        ):
            gauge.clear()
        self._reconciliation.clear()
        if figures is not None:
            self._set(figures)
        return generate_latest(self.registry)

    def _set(self, figures: Figures) -> None:
        self._workers.set(figures.workers.alive)
        age = figures.workers.heartbeat_age_s
        self._heartbeat.set(float("inf") if age is None else age)
        self._order_age.set(figures.due.orders_age_s)
        self._pending.set(figures.due.deliveries_pending)
        self._delivery_age.set(figures.due.deliveries_age_s)
        for order in figures.open_orders:
            self._orders.labels(order.mode, order.name).set(order.value)
        for waits in figures.waiting_orders:
            self._waiting.labels(waits.mode, waits.rail, waits.cause).set(waits.value)
        for reason in figures.unknown_reasons:
            self._unknown_reasons.labels(reason.mode, reason.name).set(reason.value)
        for balance in figures.balances:
            self._balances.labels(balance.mode, balance.name).set(balance.value)
        for mode in MODES:
            low = sum(each.number for each in figures.low_stock if each.mode == mode)
            self._low_stock.labels(mode).set(low)
        self._reconciliation.set(figures)
        self._archive.set(figures.archive, figures.place)
