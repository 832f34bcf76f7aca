"""Prometheus gauges of what the last comparisons with the rails came to."""

from prometheus_client import CollectorRegistry, Gauge

from payviox.monitoring.service import Figures


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
        for found in figures.in_suspense:
            at = (found.mode, found.rail, found.cause)
            self._items.labels(*at).set(found.number)
            self._cents.labels(*at).set(found.cents)
            self._oldest.labels(*at).set(found.oldest_s)
        for rail in figures.compared:
            self._in_transit.labels(rail.mode, rail.rail).set(rail.in_transit_cents)
            self._age.labels(rail.mode, rail.rail).set(rail.age_s)
            if rail.float_cents is not None:
                self._float.labels(rail.mode, rail.rail).set(rail.float_cents)
