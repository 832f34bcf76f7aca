"""`payviox upload`: allocations from a file, checked, confirmed as shown and followed. The same use
cases as the pages'; the worker pays."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID

import click

from payviox import ids
from payviox.actors import Actor
from payviox.allocations.uploads import checking, confirming
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.model import (
    FIELDS,
    MAX_FILE,
    OPEN,
    Choices,
    Field,
    Plan,
    Upload,
    UploadRow,
)
from payviox.auth import operators
from payviox.businesses import service as businesses
from payviox.cli.acting import as_operator, as_person, person
from payviox.cli.groups import Group
from payviox.cli.output import (
    BUSINESS,
    LIMIT,
    Id,
    as_json,
    counted,
    print_json,
    print_pairs,
    print_table,
)
from payviox.cli.progress import progress_bar, progress_count
from payviox.cli.prompts import confirm as ask
from payviox.cli.runtime import ACTOR, Runtime, run
from payviox.db.pool import Connection
from payviox.money import dollars
from payviox.tables.cells import FileRefused

UPLOAD = Id(ids.UPLOAD)
PROBLEMS = 10
"""So many are named as text; JSON has them all."""
PAGE = 1_000
LOOK_S = 0.5
FARTHEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Shown:
    """An upload as it is told: its plan by the choices made, and its rows that cannot be paid."""

    upload: Upload
    plan: Plan
    problems: list[UploadRow]


class Later(click.ParamType[datetime]):
    """A time to come, within a year; UTC where it says nothing else."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is no time such as 2026-12-01T09:00Z.", param, ctx)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if not datetime.now(UTC) < moment < datetime.now(UTC) + FARTHEST:
            self.fail("Give a time to come, within a year.", param, ctx)
        return moment


@click.group(cls=Group)
def upload() -> None:
    """Allocations from a CSV or Excel file: check, confirm, discard, show, cancel, resume."""


@upload.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("file", type=click.File("rb"))
@click.option("--email", metavar="COLUMN", help="The email's column, where its name is unusual.")
@click.option("--amount", metavar="COLUMN", help="The amount's, in dollars.")
@click.option("--reference", metavar="COLUMN", help="The reference's.")
@click.option("--note", metavar="COLUMN", help="The note's.")
@as_person
@as_json
def check(
    business_id: UUID, file: BinaryIO, *, operator: str | None, as_json: bool, **named: str | None
) -> None:
    """Check every row of a CSV or Excel FILE (`-`: standard input); nothing moves.

    Amounts in the file are dollars. Columns that are known by their names need not be given.
    """
    content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise FileRefused(f"The file is larger than {MAX_FILE // 1_000_000} MB. Split it.")
    titles = {field: title for field in FIELDS if (title := named[field])}

    async def work(runtime: Runtime) -> Shown:
        async def receive(connection: Connection) -> tuple[UUID, Actor]:
            await businesses.get(connection, business_id)
            who = await person(connection, operator)
            name = "standard input" if file.name in ("-", "<stdin>") else file.name
            return await checking.receive(connection, business_id, name, content, who), who

        upload_id, who = await runtime.database.write(receive)
        with progress_count("checking") as progress:

            def on_rows(count: int) -> None:
                progress("rows", count)

            await checking.check(runtime.database, business_id, upload_id, content, on_rows)
            checked = await runtime.database.fetch(uploads.get, business_id, upload_id)
            if checked.status == "unmapped":
                columns = _columns(checked, titles)
                await checking.choose_columns(
                    runtime.database, business_id, upload_id, columns, who, on_rows
                )
        return await _read(runtime, business_id, upload_id)

    _print(run(work), as_json=as_json)


@upload.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("upload_id", type=UPLOAD)
@click.option("--earlier", is_flag=True, help="Pay rows that an earlier upload pays, too.")
@click.option("--repeats", is_flag=True, help="Pay rows that repeat another one, too.")
@click.option("--recent", is_flag=True, help="Pay who got the same amount within a week, too.")
@click.option("--at", "due_at", type=Later(), help="Pay later: 2026-12-01T09:00Z.")
@click.option("--wait", is_flag=True, help="Wait until the worker has paid it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_operator
@as_json
def confirm(
    business_id: UUID,
    upload_id: UUID,
    *,
    earlier: bool,
    repeats: bool,
    recent: bool,
    due_at: datetime | None,
    wait: bool,
    yes: bool,
    operator: str | None,
    as_json: bool,
) -> None:
    """Have the worker pay what a checked upload shows, or nothing where that has changed.

    Rows that may have been paid already are left out unless an option names them.
    """
    choices = Choices(repeats=repeats, earlier=earlier, recent=recent)

    async def look(runtime: Runtime) -> Shown:
        await runtime.database.write(confirming.refresh, business_id, upload_id)
        return await _read(runtime, business_id, upload_id, choices)

    shown = run(look)
    chosen = shown.plan.chosen
    people = "1 person" if shown.plan.people == 1 else f"{shown.plan.people:,} people"
    payments = counted(chosen.payments, "payment")
    ask(f"Allocate {dollars(chosen.amount)} to {people} in {payments}?", yes=yes)

    async def work(runtime: Runtime) -> tuple[bool, Shown]:
        async def start(connection: Connection) -> bool:
            who = await operators.acting(connection, operator, ACTOR)
            return await confirming.start(
                connection,
                business_id,
                upload_id,
                choices=choices,
                shown=chosen,
                due_at=due_at,
                actor=who,
            )

        started = await runtime.database.write(start)
        if started and wait:
            await _follow(runtime, business_id, upload_id)
        return started, await _read(runtime, business_id, upload_id, choices)

    started, after = run(work)
    _print(after, as_json=as_json)
    if not started:
        click.echo("It waits for a second person, who confirms the very same.", err=True)


@upload.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("upload_id", type=UPLOAD)
@as_json
def show(business_id: UUID, upload_id: UUID, as_json: bool) -> None:
    """Show an upload: what it would pay, what it has paid, and which rows cannot be paid."""
    _print(run(lambda runtime: _read(runtime, business_id, upload_id)), as_json=as_json)


@upload.command("list")
@click.argument("business_id", type=BUSINESS)
@click.option("--after", type=UPLOAD, help="Only uploads older than this one.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def list_(business_id: UUID, *, after: UUID | None, limit: int, as_json: bool) -> None:
    """List a business's uploads, newest first."""

    async def read(connection: Connection) -> list[Upload]:
        await businesses.get(connection, business_id)
        return await uploads.list_page(connection, business_id, after, limit)

    rows = [_upload(each) for each in run(lambda runtime: runtime.database.fetch(read))]
    if as_json:
        print_json(rows)
        return
    columns = ("upload_id", "file", "status", "payments", "amount", "paid", "created_at")
    print_table(columns, [[row[name] for name in columns] for row in rows], "Nothing yet.")


@upload.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("upload_id", type=UPLOAD)
@as_operator
@as_json
def discard(business_id: UUID, upload_id: UUID, operator: str | None, as_json: bool) -> None:
    """Forget a file that nobody has confirmed, and show it for the last time."""

    async def discarded(connection: Connection) -> Upload:
        who = await operators.acting(connection, operator, ACTOR)
        upload = await uploads.get(connection, business_id, upload_id)
        await confirming.discard(connection, business_id, upload_id, who)
        return upload

    shown = _upload(run(lambda runtime: runtime.database.write(discarded)))
    (print_json if as_json else print_pairs)(shown)


@upload.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("upload_id", type=UPLOAD)
@as_operator
@as_json
def cancel(business_id: UUID, upload_id: UUID, operator: str | None, as_json: bool) -> None:
    """Leave unpaid what a confirmed upload has not paid yet, for good."""
    _print(_decided(confirming.cancel, business_id, upload_id, operator), as_json=as_json)


@upload.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("upload_id", type=UPLOAD)
@as_operator
@as_json
def resume(business_id: UUID, upload_id: UUID, operator: str | None, as_json: bool) -> None:
    """Let an upload that stopped go on."""
    _print(_decided(confirming.resume, business_id, upload_id, operator), as_json=as_json)


def _columns(upload: Upload, titles: dict[Field, str]) -> dict[Field, int]:
    """Where the columns with these titles are. Raises FileRefused."""
    known = [title.strip().lower() for title in upload.header]
    there = ", ".join(upload.header)
    columns: dict[Field, int] = {}
    for field, title in titles.items():
        if title.strip().lower() not in known:
            raise FileRefused(f"There is no column {title!r}. There are: {there}.")
        columns[field] = known.index(title.strip().lower())
    if not columns:
        raise FileRefused(f"Say which columns hold what: --email and --amount. There are: {there}.")
    return columns


def _decided(
    decide: Callable[[Connection, UUID, UUID, Actor], Awaitable[None]],
    business_id: UUID,
    upload_id: UUID,
    operator: str | None,
) -> Shown:
    async def decided(connection: Connection) -> None:
        who = await operators.acting(connection, operator, ACTOR)
        await decide(connection, business_id, upload_id, who)

    async def work(runtime: Runtime) -> Shown:
        await runtime.database.write(decided)
        return await _read(runtime, business_id, upload_id)

    return run(work)


async def _read(
    runtime: Runtime, business_id: UUID, upload_id: UUID, choices: Choices | None = None
) -> Shown:
    async def read(connection: Connection) -> Shown:
        found = await uploads.get(connection, business_id, upload_id)
        asked = found.asked.choices if found.asked else Choices()
        plan = await uploads.plan(connection, business_id, upload_id, choices or asked)
        problems: list[UploadRow] = []
        while len(problems) < plan.bad:
            page = await uploads.list_rows(
                connection,
                business_id,
                upload_id,
                bad=True,
                after=problems[-1].number if problems else 0,
                limit=PAGE,
            )
            if not page:
                break
            problems += page
        return Shown(found, plan, problems)

    return await runtime.database.fetch(read)


async def _follow(runtime: Runtime, business_id: UUID, upload_id: UUID) -> None:
    """Wait until an upload is paid, has stopped or was canceled."""
    with progress_bar("allocating") as progress:
        while True:
            now = await runtime.database.fetch(uploads.get, business_id, upload_id)
            progress(now.paid + now.refused, now.payments)
            if now.status not in OPEN or now.status == "stopped":
                return
            await asyncio.sleep(LOOK_S)


def _upload(upload: Upload) -> dict[str, object]:
    return {
        "upload_id": ids.show(ids.UPLOAD, upload.id),
        "file": upload.file_name,
        "sha256": upload.digest,
        "status": upload.status,
        "payments": upload.payments,
        "amount": upload.amount,
        "people": upload.people,
        "paid": upload.paid,
        "paid_amount": upload.paid_amount,
        "refused": upload.refused,
        "stopped_why": upload.stopped_why,
        "created_by": upload.created_by,
        "created_at": upload.created_at,
        "due_at": upload.due_at,
        "started_by": upload.started_by,
        "started_at": upload.started_at,
        "ended_at": upload.ended_at,
    }


def _print(shown: Shown, *, as_json: bool) -> None:
    upload, plan = shown.upload, shown.plan
    pairs = _upload(upload)
    if upload.started_at is None:
        pairs |= {
            "payments": plan.chosen.payments,
            "amount": plan.chosen.amount,
            "people": plan.people,
        }
    found = {
        "rows": plan.rows,
        "bad": plan.bad,
        "repeats": plan.repeats.payments,
        "earlier": plan.earlier.payments,
        "recent": plan.recent.payments,
        "new_people": plan.new_people,
    }
    if as_json:
        problems = [{"row": row.number, "problem": row.problem} for row in shown.problems]
        print_json({**pairs, **found, "problems": problems})
        return
    print_pairs({**pairs, **found})
    for row in shown.problems[:PROBLEMS]:
        click.echo(f"row {row.number}: {row.problem}", err=True)
    if len(shown.problems) > PROBLEMS:
        more = len(shown.problems) - PROBLEMS
        click.echo(f"and {more:,} more: `--json` has them all", err=True)
