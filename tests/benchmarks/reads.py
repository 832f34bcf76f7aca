"""What is read of a small and of a large ledger, by the API, in turn: balances, now and at a
moment; pages of lists, the first and one in the middle; a statement of a quarter of it."""

import statistics
import time
from collections.abc import Mapping

import httpx
import psycopg
from rich.console import Console
from rich.table import Table
from tests.benchmarks.load import HOST

from payviox import ids

ROUNDS = 60

MIDDLE = """
SELECT t.id, t.created_at, t.to_account, earlier.created_at FROM accounts a
JOIN transfers t ON t.business_id = a.business_id AND t.from_account = a.id
  AND t.from_version = a.version / 2
JOIN transfers earlier ON earlier.business_id = a.business_id AND earlier.from_account = a.id
  AND earlier.from_version = a.version / 4
WHERE a.business_id = %s AND a.kind = 'payout'
"""

Milliseconds = dict[str, dict[str, float]]


class Reader:
    """One business, asked over HTTP on one connection."""

    def __init__(self, owner_url: str, business: str, key: str, port: int) -> None:
        self._http = httpx.Client(
            base_url=f"http://{HOST}:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=120,
        )
        with psycopg.connect(owner_url) as connection:
            row = connection.execute(MIDDLE, [business]).fetchone()
        assert row is not None
        self._middle = {
            "transfer": ids.show(ids.TRANSFER, str(row[0])),
            "at": row[1].isoformat().replace("+00:00", "Z"),
            "since": row[3].isoformat().replace("+00:00", "Z"),
            "user": ids.show(ids.USER, row[2]),
        }

    def ask(self, path: str) -> float:
        """Milliseconds of one answer."""
        started = time.perf_counter()
        answer = self._http.get(path.format(**self._middle))
        took = time.perf_counter() - started
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}: {answer.text}")
        return took * 1e3


PATHS = {
    "balance": "/balance",
    "balance at a moment": "/balance?at={at}",
    "every account at a moment": "/payout/accounts?at={at}",
    "history, first page": "/payout/history?limit=50",
    "history, a page in the middle": "/payout/history?limit=50&after={transfer}",
    "statement of a quarter, first page": "/payout/statement?from={since}&to={at}&limit=50",
    "users, first page": "/payout/users?limit=50",
    "users, in the middle, at a moment": "/payout/users?limit=50&after={user}&at={at}",
}


def compare(readers: Mapping[str, Reader]) -> dict[str, Milliseconds]:
    """The median of each, by the ledger."""
    return {
        name: {
            size: statistics.median(times)
            for size, times in zip(
                readers,
                zip(
                    *([each.ask(path) for each in readers.values()] for _ in range(ROUNDS)),
                    strict=True,
                ),
                strict=True,
            )
        }
        for name, path in PATHS.items()
    }


def report(results: dict[str, Milliseconds]) -> None:
    """The table."""
    table = Table(title="Reads, ms at the median")
    for name in ("what", "small", "large", "small / large"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for name, each in results.items():
        ratio = each["small"] / each["large"]
        table.add_row(name, f"{each['small']:.1f}", f"{each['large']:.1f}", f"{ratio:.2f}")
    Console().print(table)
