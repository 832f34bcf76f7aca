"""`payviox reconcile`: our books against the rails'. What a person does about a difference is in
reconcile_items.py, how a report is printed in reconcile_report.py."""

import re
import sys
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from uuid import UUID

import click

from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.held_stock import count_held, say_held
from payviox.cli.output import BUSINESS, as_json, print_json
from payviox.cli.progress import progress_count
from payviox.cli.reconcile.items import items, items_of, resolve, show
from payviox.cli.reconcile.report import Compared, csv_lines, print_report, shown
from payviox.cli.runtime import Runtime, run
from payviox.reconciliation import service

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Further back rails would be asked for nothing, month by month."""


class Since(click.ParamType[datetime]):
    """A day (`2026-11-01`), a time, or so many days ago (`7d`)."""

    name = "date|7d"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        text = str(value)
        now = datetime.now(UTC)
        days = re.fullmatch(r"([0-9]{1,5})[dD]", text, re.ASCII)
        if days is not None:
            moment = now - timedelta(days=int(days[1]))
        else:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                self.fail(f"{text!r} is no date like 2026-11-01 and no number of days like 7d.")
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if moment >= now:
            self.fail(f"{text} is not in the past.", param, ctx)
        if moment < EARLIEST:
            self.fail(f"{text} is before {EARLIEST:%Y}: no rail has books of then.", param, ctx)
        return moment


@click.group(cls=Group, invoke_without_command=True)
@click.option("--business", "business_id", type=BUSINESS, help="This business alone.")
@click.option("--rail", help="This rail alone.")
@click.option(
    "--since",
    type=Since(),
    metavar="DATE|7d",
    help=f"How far back.  [default: {service.DEFAULT_PERIOD.days}d]",
)
@click.option(
    "--csv",
    "csv_file",
    type=click.File("w", lazy=False),  # a path that cannot be written is told at once
    help="Write CSV here (`-`: print it).",
)
@as_json
@click.pass_context
def reconcile(
    context: click.Context,
    *,
    business_id: UUID | None,
    rail: str | None,
    since: datetime | None,
    csv_file: IO[str] | None,
    as_json: bool,
) -> None:
    """Compare our books with what each rail says, and find what nobody can explain.

    Each cent is matched, in transit, or in a suspense item with a cause, which is booked in the
    ledger's suspense account until it is explained or resolved. Exit status 1 where anything is
    unexplained or a rail could not be asked.
    """
    if context.invoked_subcommand is not None:
        return

    compared, held = run(lambda runtime: _compare(runtime, business_id, rail, since))
    say_held(held)
    if as_json:
        print_json([shown(*one) for one in compared])
    if csv_file is not None:
        csv_file.writelines(csv_lines(compared))
    if not as_json and csv_file is None:
        print_report(compared)
    if not all(report.is_clean for _, report, _ in compared):
        sys.exit(FAILED)


async def _compare(
    runtime: Runtime, business_id: UUID | None, rail: str | None, since: datetime | None
) -> tuple[list[Compared], int]:
    compared: list[Compared] = []
    async with runtime.rails() as rails:
        if rail is not None and rail not in rails.names:
            known = ", ".join(sorted(rails.names))
            raise click.BadParameter(f"{rail!r} is none of {known}.", param_hint="--rail")
        with progress_count("asking the rails") as progress:
            for business in await _businesses(runtime, business_id):
                for report in await service.reconcile(
                    runtime.database, rails, business.id, rail=rail, since=since, progress=progress
                ):
                    its_items = await items_of(runtime.database, business.id, report.rail)
                    compared.append((business, report, its_items))
    return compared, await count_held(runtime)


async def _businesses(runtime: Runtime, business_id: UUID | None) -> list[Business]:
    if business_id is None:
        return await runtime.database.fetch(businesses.list_all)
    return [await runtime.database.fetch(businesses.get, business_id)]


for part in (items, show, resolve):
    reconcile.add_command(part)
