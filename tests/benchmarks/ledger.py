"""How much memory `ledger verify` and the sealing of transfers take, each a process of its own,
over ledgers of two sizes: it should not grow with them. Seconds are said beside it."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.benchmarks import database, server
from tests.benchmarks.orders import Databases

from payviox.db import migrate
from payviox.db.embedded import Cluster
from payviox.keyring import Keyring

USERS = 20_000
SIZES = (100_000, 1_000_000)
"""Transfers of the one business."""

SEAL = """
import asyncio, os
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.ledger import seals

async def seal():
    database = Database(os.environ["PAYVIOX_DATABASE_URL"], size=1, engine_size=1, readers=1)
    await database.open()
    made = await seals.make_all(database, Keyring(os.environ["PAYVIOX_SECRET_KEY"]))
    await database.close()
    print(made.number)

asyncio.run(seal())
"""

Figures = dict[str, dict[str, float]]


def measure(databases: Databases, home: Path) -> dict[str, Figures]:
    """Seconds and the most MiB of each, by the number of transfers."""
    results = {}
    for size in SIZES:
        with databases(f"ledger_{size}") as urls:
            migrate.migrate(urls.owner_url, urls.application_url)
            key = Keyring(server.SECRET_KEY).current
            business, _ = asyncio.run(database.make_business(urls.application_url, "ledger"))
            database.fill(urls.owner_url, business, key.id, USERS, size)
            database.put_hashes(urls.owner_url, business, key)
            results[str(size)] = of(urls, home)
    return results


def of(urls: Cluster, home: Path) -> Figures:
    """The figures of one database: sealing all of it, and checking it with its seals."""
    return {
        "seal": _run(urls, home, "-c", SEAL),
        "verify": _run(urls, home, "-m", "payviox", "ledger", "verify"),
    }


def _run(urls: Cluster, home: Path, *arguments: str) -> dict[str, float]:
    environment = {
        "PAYVIOX_DATABASE_URL": urls.application_url,
        "PAYVIOX_MIGRATION_URL": urls.owner_url,
        "PAYVIOX_SECRET_KEY": server.SECRET_KEY,
        "PAYVIOX_HOME": str(home / "nobody"),
    }
    started = time.perf_counter()
    most_kib = 0
    with (home / "said").open("w+") as said:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=os.environ | environment, stdout=said, stderr=said
        )
        while process.poll() is None:
            most_kib = max(most_kib, _peak_kib(process.pid))
            time.sleep(0.02)
        said.seek(0)
        if process.returncode:
            raise SystemExit(f"{arguments} failed: {said.read()[-2_000:]}")
    return {"seconds": time.perf_counter() - started, "mib": most_kib / 1024}


def _peak_kib(pid: int) -> int:
    """The most memory that a program had until now. What wait4 answers counts its parent's, too."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def report(results: dict[str, Figures]) -> None:
    """The table."""
    table = Table(title="Memory over a ledger")
    for name in ("transfers", "what", "seconds", "MiB at most"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for size, figures in results.items():
        for what, each in figures.items():
            table.add_row(f"{int(size):,}", what, f"{each['seconds']:.1f}", f"{each['mib']:.0f}")
    Console().print(table)
