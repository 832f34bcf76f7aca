"""What traces cost: the processor's time of a web process for one allocation, in turn without them,
with all of them sent to a collector, and with one request in a hundred traced."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import psutil
import uvloop
from tests.benchmarks import load
from tests.benchmarks.allocations import Bench, Results, console, report_aims

from support.collector import collector

ROUNDS = 3
CONNECTIONS = (1, 64)
WAYS = {
    "off": {},
    "all": {"BENCH_COLLECTOR": "{url}"},
    "1 in 100": {
        "BENCH_COLLECTOR": "{url}",
        "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0.01",
    },
}


def measure(bench: Bench) -> Results:
    """Microseconds of processor time an allocation, by way and connections."""
    took: dict[str, dict[int, list[float]]] = {way: {n: [] for n in CONNECTIONS} for way in WAYS}
    for _ in range(ROUNDS):
        for way in WAYS:
            with _served(bench, way) as port:
                for connections in CONNECTIONS:
                    took[way][connections].append(_cpu_us(bench, port, connections))
                    console.print(f"[dim]{way}, {connections}: {took[way][connections][-1]:.0f} µs")
    return {
        way: {n: statistics.median(each) for n, each in by_number.items()}
        for way, by_number in took.items()
    }


@contextmanager
def _served(bench: Bench, way: str) -> Iterator[int]:
    with collector(decodes=False) as collected:
        environment = {name: value.format(url=collected.url) for name, value in WAYS[way].items()}
        with patch.dict("os.environ", environment), bench.web("product") as port:
            yield port


def _cpu_us(bench: Bench, port: int, connections: int) -> float:
    uvloop.run(load.closed_loop(port, bench.requests(), connections, 1))  # it is warm
    web = psutil.Process(bench.web_pid)
    before = web.cpu_times()
    run = uvloop.run(load.closed_loop(port, bench.requests(), connections, bench.seconds))
    after = web.cpu_times()
    return (after.user + after.system - before.user - before.system) * 1e6 / len(run.latencies)


def report(results: Results) -> None:
    """Each way beside none."""
    report_aims(
        [
            (f"µs an allocation, {n} connections, traces {way}", by_number[n], f"off: {off:.0f}")
            for way, by_number in results.items()
            for n in CONNECTIONS
            for off in [results["off"][n]]
        ]
    )
