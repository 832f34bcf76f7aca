"""What Prometheus is told of the database: gauges made anew from the figures each time."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from payviox.monitoring import archive
from payviox.monitoring.service import Figures
from payviox.reporting.attention import Matter

MODES = ("live", "test")


def figures_metrics(figures: Figures | None) -> Iterator[Metric]:
    """Every gauge; without figures that the database did not answer, and nothing more."""
    yield _gauge("database_up", "Whether the database answered", float(figures is not None))
    if figures is not None:
        yield from _work(figures)
        yield from _money(figures)
        yield from _reconciliation(figures)
        yield from _backups(figures)


def _work(figures: Figures) -> Iterator[Metric]:
    workers, due = figures.workers, figures.due
    age = float("inf") if workers.heartbeat_age_s is None else workers.heartbeat_age_s
    yield _gauge("workers", "Workers heard of within the last minute", workers.alive)
    yield _gauge("worker_heartbeat_age_seconds", "Age of the freshest heartbeat", age)
    yield _gauge("orders_oldest_due_seconds", "How long the oldest order is due", due.orders_age_s)
    yield _gauge("deliveries_pending", "Webhook deliveries to be made", due.deliveries_pending)
    yield _gauge(
        "deliveries_oldest_due_seconds",
        "How long the oldest webhook delivery is due",
        due.deliveries_age_s,
    )
    orders = _family("orders_open", "Orders that are not final", "mode", "status")
    for order in figures.open_orders:
        orders.add_metric([order.mode, order.name], order.value)
    yield orders
    waiting = _family(
        "orders_waiting", "Orders that wait, by cause; `person` needs one", "mode", "rail", "cause"
    )
    for waits in figures.waiting_orders:
        waiting.add_metric([waits.mode, waits.rail, waits.cause], waits.value)
    yield waiting
    unknown = _family(
        "orders_reason_unknown",
        "Orders whose reason this version has no words for, by what it is a reason for",
        "mode",
        "kind",
    )
    for reason in figures.unknown_reasons:
        unknown.add_metric([reason.mode, reason.name], reason.value)
    yield unknown


def _money(figures: Figures) -> Iterator[Metric]:
    balances = _family(
        "balance_cents", "Balances; `user` is what payout users are owed", "mode", "account"
    )
    for balance in figures.balances:
        balances.add_metric([balance.mode, balance.name], balance.value)
    yield balances
    broken = _family("ledger_broken", "Businesses whose ledger the worker found broken", "mode")
    for mode in MODES:
        broken.add_metric([mode], sum(b.value for b in figures.broken_ledgers if b.mode == mode))
    yield broken
    stock = _family("gift_card_products_low", "Gift-card products under the alert level", "mode")
    for mode in MODES:
        stock.add_metric([mode], sum(low.number for low in figures.low_stock if low.mode == mode))
    yield stock


def _reconciliation(figures: Figures) -> Iterator[Metric]:
    """What the last comparisons with the rails came to."""
    now = datetime.now(UTC)
    matters: dict[tuple[str, str, str], list[Matter]] = defaultdict(list)
    for matter in figures.unexplained:
        matters[matter.mode, matter.rail or "", matter.subject or ""].append(matter)
    by_cause = ("mode", "rail", "cause")
    items = _family("suspense_items", "Suspense items that are open", *by_cause)
    cents = _family(
        "suspense_item_cents", "What open suspense items are about, either way", *by_cause
    )
    oldest = _family("suspense_oldest_seconds", "Age of the oldest open item", *by_cause)
    for labels, open_items in matters.items():
        ages = [(now - each.oldest).total_seconds() for each in open_items if each.oldest]
        items.add_metric(labels, sum(each.number for each in open_items))
        cents.add_metric(labels, sum(each.cents or 0 for each in open_items))
        oldest.add_metric(labels, max(ages, default=0.0))
    yield from (items, cents, oldest)
    held = _family(
        "rail_float_cents",
        "What rails' accounts held when they were last compared",
        "mode",
        "rail",
    )
    in_transit = _family(
        "rail_in_transit_cents",
        "What was in transit when rails were last compared",
        "mode",
        "rail",
    )
    age = _family(
        "reconciliation_age_seconds",
        "Since the rail was compared, for the business for which that is longest ago",
        "mode",
        "rail",
    )
    for rail in figures.compared:
        in_transit.add_metric([rail.mode, rail.rail], rail.in_transit_cents)
        age.add_metric([rail.mode, rail.rail], rail.age_s)
        if rail.float_cents is not None:
            held.add_metric([rail.mode, rail.rail], rail.float_cents)
    yield from (held, in_transit, age)


def _backups(figures: Figures) -> Iterator[Metric]:
    """The WAL archive and the base backups, as far as there are any."""
    failing = archive.complaint(figures.archive, figures.place) is not None
    yield _gauge(
        "wal_archive_failing",
        "Whether something is wrong with the WAL archive or the base backups",
        failing,
    )
    if figures.archive.behind_bytes is not None:
        yield _gauge(
            "wal_archive_behind_bytes", "WAL that the archive lacks", figures.archive.behind_bytes
        )
    place = figures.place
    if place is not None and place.free_bytes is not None:
        yield _gauge(
            "backup_free_bytes", "Bytes that are free beside the base backups", place.free_bytes
        )
    if place is not None and place.backup_age_s is not None:
        yield _gauge("backup_age_seconds", "Age of the newest base backup", place.backup_age_s)


def _family(name: str, help_: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"payviox_{name}", help_, labels=labels)


def _gauge(name: str, help_: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"payviox_{name}", help_, value=value)
