"""Prometheus gauges of what the last comparisons with the rails came to."""

from collections import defaultdict
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry, Gauge

from payviox.monitoring.service import Figures
from payviox.reporting.attention import Matter


class ReconciliationMetrics:
    """Gauges by mode and rail, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._every: list[Gauge] = []

        def gauge(name: str, help_: str, *more: str) -> Gauge:
            made = Gauge(f"payviox_{name}", help_, ["mode", "rail", *more], registry=registry)
            self._every.append(made)
            return made

        self._items = gauge("suspense_items", "Suspense items that are open", "cause")
        self._cents = gauge(
            "suspense_item_cents", "What open suspense items are about, either way", "cause"
        )
        self._oldest = gauge("suspense_oldest_seconds", "Age of the oldest open item", "cause")
        self._float = gauge(
            "rail_float_cents", "What rails' accounts held when they were last compared"
        )
        self._in_transit = gauge(
            "rail_in_transit_cents", "What was in transit when rails were last compared"
        )
        self._age = gauge(
            "reconciliation_age_seconds",
            "Since the rail was compared, for the business for which that is longest ago",
        )

    def clear(self) -> None:
        for gauge in self._every:
            gauge.clear()

    def set(self, figures: Figures) -> None:
        now = datetime.now(UTC)
        items: dict[tuple[str, ...], list[Matter]] = defaultdict(list)
        for matter in figures.unexplained:
            items[matter.mode, matter.rail or "", matter.subject or ""].append(matter)
        for at, matters in items.items():
            ages = [(now - each.oldest).total_seconds() for each in matters if each.oldest]
            self._items.labels(*at).set(sum(each.number for each in matters))
            self._cents.labels(*at).set(sum(each.cents or 0 for each in matters))
            self._oldest.labels(*at).set(max(ages, default=0.0))
        for rail in figures.compared:
            self._in_transit.labels(rail.mode, rail.rail).set(rail.in_transit_cents)
            self._age.labels(rail.mode, rail.rail).set(rail.age_s)
            if rail.float_cents is not None:
                self._float.labels(rail.mode, rail.rail).set(rail.float_cents)
