"""Runs the benchmarks, section by section; each says its figures as soon as it ends, and adds them
to `bench-results.json`.

make bench                               everything, ten minutes of load included (about 25 minutes)
make bench ARGS=--quick                  without the large database and the long load
make bench ARGS="--only orders rails"    these sections alone
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.benchmarks import (
    allocations,
    cluster,
    dashboard,
    ledger,
    mails,
    order_tables,
    orders,
    processes,
    rails,
    redeem,
    room,
    seals,
    traces,
    viewers,
    webhooks,
)
from tests.benchmarks.allocations import Bench, Results, console

from payviox.db.embedded import Cluster, embedded
from support.citus import CLUSTER

RESULTS = Path("bench-results.json")
MACHINE = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


@dataclass(frozen=True, slots=True)
class Run:
    """One run: its databases live in `home`, a measurement takes so many seconds."""

    home: Path
    seconds: int
    soak: int

    def database(self, name: str) -> AbstractContextManager[Cluster]:
        """A database of its own on the one embedded server."""
        return embedded(self.home, database=f"payviox_{name}")

    @contextmanager
    def small(self, name: str) -> Iterator[Bench]:
        with self.database(name) as urls:
            yield Bench(urls, self.home, self.seconds, name, allocations.SMALL_USERS, 0)


def measure_allocations(run: Run) -> Results:
    with run.small("small") as small:
        return small.everything()


def measure_memory(run: Run) -> Results:
    with run.small("memory") as small:
        return small.soak(run.soak)


def measure_processes(run: Run) -> Results:
    with run.small("processes") as small:
        return processes.measure(small)


def measure_viewers(run: Run) -> Results:
    with run.small("viewers") as small:
        small.seconds *= 3  # fifty viewers read their page again every ten seconds
        return viewers.measure(small)


def measure_dashboard(run: Run, scale: dashboard.Scale) -> Results:
    with run.database(f"dashboard_{scale.users}") as urls:
        return dashboard.measure(urls, run.home, scale)


def measure_redeem(run: Run) -> Results:
    with run.small("redeem") as small:
        return redeem.measure(small)


def measure_mails(run: Run) -> Results:
    with run.database("mails") as urls:
        bench = Bench(urls, run.home, run.seconds, "mails", mails.MAILS, mails.MAILS)
        return mails.measure(bench)


def measure_room(run: Run) -> Results:
    with run.database("room") as urls:
        return room.measure(urls, run.home)


def measure_seals(run: Run) -> Results:
    with run.small("seals") as small:
        return seals.measure(small)


def measure_traces(run: Run) -> Results:
    with run.small("traces") as small:
        return traces.measure(small)


def measure_webhooks(run: Run) -> Results:
    with run.database("webhooks") as urls:
        return webhooks.measure(urls)


@dataclass(frozen=True, slots=True)
class Section:
    """A part that can be run alone. `long`: left out of a quick run; `needs`: a variable without
    which it is left out, too."""

    measure: Callable[[Run], Results]
    report: Callable[[Results], None]
    long: bool = False
    needs: str | None = None

    def is_left_out(self, *, quick: bool) -> bool:
        return (quick and self.long) or (self.needs is not None and self.needs not in os.environ)


SECTIONS = {
    "allocations": Section(measure_allocations, partial(allocations.report, machine=MACHINE)),
    "processes": Section(measure_processes, processes.report),
    "orders": Section(
        lambda run: orders.measure(run.database), partial(order_tables.of_orders, console)
    ),
    "rails": Section(
        lambda run: rails.measure(run.database, run.home), partial(order_tables.of_rails, console)
    ),
    "dashboard": Section(partial(measure_dashboard, scale=dashboard.SMALL), dashboard.report),
    "dashboard_large": Section(
        partial(measure_dashboard, scale=dashboard.LARGE), dashboard.report, long=True
    ),
    "viewers": Section(measure_viewers, viewers.report),
    "redeem": Section(measure_redeem, redeem.report),
    "webhooks": Section(measure_webhooks, webhooks.report),
    "mails": Section(measure_mails, mails.report),
    "room": Section(measure_room, room.report),
    "seals": Section(measure_seals, seals.report),
    "traces": Section(measure_traces, traces.report),
    "ledger": Section(lambda run: ledger.measure(run.database, run.home), ledger.report),
    "cluster": Section(
        lambda run: cluster.measure(run.seconds), cluster.report, long=True, needs=CLUSTER
    ),
    "memory": Section(measure_memory, allocations.report_memory, long=True),
    "large": Section(
        lambda run: allocations.compare_large(run.database, run.home, run.seconds),
        allocations.report_large,
        long=True,
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="no large database, no long load")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections alone")
    parser.add_argument("--seconds", type=int, default=8, help="of each measurement")
    parser.add_argument("--soak", type=int, default=600, help="seconds of the long load")
    options = parser.parse_args()
    names = options.only or [
        name for name, section in SECTIONS.items() if not section.is_left_out(quick=options.quick)
    ]
    results: Results = {"machine": MACHINE}
    with tempfile.TemporaryDirectory(prefix="payviox-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        run = Run(home, options.seconds, options.soak)
        with run.database("kept"):  # one server for all sections
            for name in names:
                console.print(f"[bold]{name}[/]")
                try:
                    results[name] = SECTIONS[name].measure(run)
                except SystemExit as error:  # this section's own; the others go on
                    console.print(f"[red]{name} was not measured:[/] {error}")
                    continue
                RESULTS.write_text(json.dumps(results, indent=2) + "\n")
                SECTIONS[name].report(results[name])
    if missing := [name for name in names if name not in results]:
        raise SystemExit(f"Not measured: {', '.join(missing)}")


if __name__ == "__main__":
    main()
