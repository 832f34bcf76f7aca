"""Prometheus gauges of the WAL archive and the base backups."""

from prometheus_client import CollectorRegistry, Gauge

from payviox.monitoring.archive import Place, State, complaint


class ArchiveMetrics:
    """Gauges in one registry; those of what there is not are nan."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, help_: str) -> Gauge:
            return Gauge(f"payviox_{name}", help_, registry=registry)

        self._failing = gauge(
            "wal_archive_failing", "Whether what is committed is not archived where it should be"
        )
        self._behind = gauge("wal_archive_behind_bytes", "WAL that the archive lacks")
        self._age = gauge("backup_age_seconds", "Age of the newest base backup")
        self._free = gauge("backup_free_bytes", "Bytes that are free beside the base backups")

    def set(self, state: State, place: Place | None) -> None:
        nothing = float("nan")
        age = place.backup_age_s if place else None
        self._failing.set(complaint(state) is not None)
        self._behind.set(nothing if state.behind_bytes is None else state.behind_bytes)
        self._age.set(nothing if age is None else age)
        self._free.set(place.free_bytes if place else nothing)
