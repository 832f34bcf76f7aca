"""`payviox ledger`: checking the books."""

import sys
from collections import Counter
from pathlib import Path
from uuid import UUID

import click

from payviox import ids
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.held_stock import count_held, say_held
from payviox.cli.output import as_json, print_json
from payviox.cli.progress import progress_bar
from payviox.cli.runtime import Runtime, run
from payviox.cli.seals import FILE, read_seals, seal
from payviox.ledger.seal_check import by_number
from payviox.ledger.verify import KINDS, Problem, Report
from payviox.maintenance import ledger_audit


@click.group(cls=Group)
def ledger() -> None:
    """The double-entry ledger."""


ledger.add_command(seal)


@ledger.command()
@click.option("--seals", type=FILE, help="A file of `ledger seal export` that was kept elsewhere.")
@as_json
def verify(seals: Path | None, as_json: bool) -> None:
    """Check every invariant of the ledger, each business from one snapshot: the transfers, what
    orders, cards, items and keys say of them, the seals over them, and the tables' constraints and
    rights.

    With --seals also that nothing changed since the file was written, whoever changed it. Reads
    only, and may run while everything else goes on. Exit status 1 if anything is broken; the first
    rows of each kind are named.
    """
    kept = by_number(read_seals(seals)) if seals else None

    async def work(runtime: Runtime) -> tuple[Report, int]:
        with progress_bar("checking") as progress:
            async with runtime.database.read() as connection:
                report = await ledger_audit.verify(connection, runtime.keyring, progress, kept)
        return report, await count_held(runtime)

    report, held = run(work)
    say_held(held)
    if as_json:
        print_json({**_shown(report), "stock_held": held})
    else:
        _print(report)
    if not report.ok:
        sys.exit(FAILED)


def _print(report: Report) -> None:
    named: Counter[str] = Counter()
    for problem in report.problems:
        if not named[problem.kind]:
            click.echo(f"broken: {KINDS[problem.kind]}")
        named[problem.kind] += 1
        click.echo("  " + ": ".join(part for part in (_row(problem), problem.message) if part))
    for kind, count in report.counts.items():
        if count > named[kind]:
            click.echo(f"  and {count - named[kind]} more: {KINDS[kind]}")
    click.echo(
        f"{report.businesses} businesses, {report.accounts} accounts, {report.transfers} transfers,"
        f" {report.orders} orders and {report.seals} seals checked:"
        f" {'all is well' if report.ok else 'NOT in order'}"
    )


def _row(problem: Problem) -> str:
    return " ".join(
        f"{name.removesuffix('_id')} {value}" for name, value in _ids(problem).items() if value
    )


def _ids(problem: Problem) -> dict[str, str | None]:
    return {
        "business_id": _prefixed(ids.BUSINESS, problem.business_id),
        "account_id": None if problem.account_id is None else str(problem.account_id),
        "transfer_id": _prefixed(ids.TRANSFER, problem.transfer_id),
        "order_id": _prefixed(ids.ORDER, problem.order_id),
    }


def _prefixed(prefix: str, value: UUID | int | None) -> str | None:
    return None if value is None else ids.show(prefix, str(value))


def _shown(report: Report) -> dict[str, object]:
    return {
        "ok": report.ok,
        "businesses": report.businesses,
        "accounts": report.accounts,
        "transfers": report.transfers,
        "orders": report.orders,
        "seals": report.seals,
        "counts": dict(report.counts),
        "problems": [
            {
                "kind": problem.kind,
                **_ids(problem),
                "expected": problem.expected,
                "found": problem.found,
                "message": problem.message,
            }
            for problem in report.problems
        ],
    }
