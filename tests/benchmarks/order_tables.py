"""The tables of what a worker settles, from what orders.py and rails.py measured."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from tests.benchmarks import orders

Cases = Mapping[str, Mapping[str, float]]


def of_orders(console: Console, found: Cases) -> None:
    _print(
        console,
        "Orders settled by one worker, through a rail that answers at once",
        ("beside it", "× alone"),  # noqa: RUF001  # a factor
        {
            "alone": "nothing",
            "scheduled": f"{orders.OPEN:,} open, looked up by and by",
            "all_due": f"{orders.OPEN:,} open, all to be looked up at once",
        },
        found,
    )


def of_rails(console: Console, found: Cases) -> None:
    if "evm" not in found:
        console.print("anvil is missing: `make test` installs it; crypto was not measured")
    _print(
        console,
        "Orders settled by one worker, over HTTP to vendors that answer at once",
        ("rail", "× in process"),  # noqa: RUF001  # a factor
        {
            "in_process": "in the worker's process",
            "paypal": "PayPal: send, look up",
            "paypal_beside_open": f"PayPal, {orders.OPEN:,} others open, looked up by and by",
            "tremendous": "Tremendous: send",
            "evm": "crypto: sign, send, look up",
        },
        found,
    )


def _print(
    console: Console, title: str, names: tuple[str, str], cases: Mapping[str, str], found: Cases
) -> None:
    table = Table(title=title)
    what, ratio = names
    for column in (what, "rate /s", ratio, "core ms each", "MiB idle", "MiB at most"):
        table.add_column(column, justify="left" if column == what else "right")
    for case, text in cases.items():
        if case not in found:
            continue
        figures = found[case]
        table.add_row(
            text,
            f"{figures['rate']:,.0f}",
            f"{figures['of_base']:.2f}",
            f"{figures['core_ms']:.2f}",
            f"{figures['kib_idle'] / 1024:.0f}",
            f"{figures['kib_most'] / 1024:.0f}",
        )
    console.print(table)
