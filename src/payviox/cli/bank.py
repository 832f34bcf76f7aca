"""`payviox bank`: the files in which payments go to a business's bank, and what the bank says. The
same use cases as the pages'."""

import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import click
import msgspec

from payviox import ids
from payviox.approvals.service import WaitingAct
from payviox.bank import account_books, cutting, files, holds, imports
from payviox.bank.cutting import Cut
from payviox.bank.imports import Taken
from payviox.bank.model import BankFile, Payment
from payviox.bank.releasing import handing_over
from payviox.businesses import service as businesses
from payviox.cli import new_files
from payviox.cli.acting import as_person, person
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.output import BUSINESS, LIMIT, Id, as_json, print_json, print_pairs, print_table
from payviox.cli.prompts import confirm
from payviox.cli.runtime import Runtime, run
from payviox.errors import Conflict
from payviox.money import dollars
from payviox.rails.bank.settings import SCHEMES
from payviox.rails.protocol import Account

FILE = Id(ids.BANK_FILE)


@click.group(cls=Group)
def bank() -> None:
    """Files of payments to a bank: cut, approve, release, and import what the bank says."""


@bank.command("files")
@click.argument("business_id", type=BUSINESS)
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="How many at the most.")
@as_json
def list_files(business_id: UUID, limit: int, as_json: bool) -> None:
    """List a business's files, newest first."""

    async def work(runtime: Runtime) -> list[BankFile]:
        await runtime.database.fetch(businesses.get, business_id)
        return await runtime.database.fetch(
            lambda db: files.list_page(db, business_id, limit=limit)
        )

    rows = [_shown(file) for file in run(work)]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "status", "scheme", "payments", "total", "execution_date", "created_at")
    empty = "There are no files: `payviox bank cut` makes one of what waits."
    print_table(columns, [[row[each] for each in columns] for row in rows], empty)


@bank.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("scheme", type=click.Choice(SCHEMES))
@as_person
@as_json
def cut(business_id: UUID, scheme: Any, operator: str | None, as_json: bool) -> None:
    """Put what waits into a file, as far as the money in the account goes."""

    async def work(runtime: Runtime) -> Cut:
        who = await runtime.database.fetch(person, operator)
        account = await _account(runtime, business_id)
        return await cutting.cut(runtime.database, runtime.keyring, account, scheme, who)

    made = run(work)
    if made.without_money:
        click.echo(f"{made.without_money} payments wait for money in the account.", err=True)
    for name in made.unwritable:
        said = f"No file can hold the payment {name}. Cancel its order"
        click.echo(f"{said}, which `payviox bank payments BUSINESS` names.", err=True)
    if made.file is None:
        print_json(None) if as_json else click.echo("Nothing was cut.")
        return
    _print(_shown(made.file), as_json=as_json)


@bank.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("file_id", type=FILE)
@as_person
@as_json
def approve(business_id: UUID, file_id: UUID, operator: str | None, as_json: bool) -> None:
    """Approve a file, or sign it where two people have to."""

    async def work(runtime: Runtime) -> BankFile:
        who = await runtime.database.fetch(person, operator)
        return await runtime.database.write(files.approve, business_id, file_id, who)

    file = run(work)
    if file.status == "draft":
        click.echo("It waits for a second person, who runs this command as well.", err=True)
    _print(_shown(file), as_json=as_json)


@bank.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("file_id", type=FILE)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_person
def cancel(business_id: UUID, file_id: UUID, yes: bool, operator: str | None) -> None:
    """Cancel a file that has not left; its payments wait for another one."""
    confirm("A canceled file never leaves. Go on?", yes=yes)

    async def work(runtime: Runtime) -> None:
        who = await runtime.database.fetch(person, operator)
        await runtime.database.write(files.cancel, business_id, file_id, who)

    run(work)
    click.echo("Canceled.")


@bank.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("file_id", type=FILE)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_person
@as_json
def release(
    business_id: UUID, file_id: UUID, yes: bool, operator: str | None, as_json: bool
) -> None:
    """Hand an approved file to the bank, by its folder or SFTP server."""
    confirm("The bank pays what is in the file. Go on?", yes=yes)

    async def work(runtime: Runtime) -> BankFile:
        who = await runtime.database.fetch(person, operator)
        account = await _account(runtime, business_id)
        way, target = handing_over.target_of(
            account,
            runtime.settings.bank_folder,
            networks=runtime.settings.sftp_networks,
        )
        return await handing_over.release(
            runtime.database, runtime.keyring, way, target, business_id, file_id, who
        )

    _print(_shown(run(work)), as_json=as_json)


@bank.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("file_id", type=FILE)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@as_person
def download(business_id: UUID, file_id: UUID, path: Path, operator: str | None) -> None:
    """Write an approved file to PATH (`-`: standard output): from then on it has left."""

    async def work(runtime: Runtime) -> tuple[BankFile, bytes]:
        who = await runtime.database.fetch(person, operator)
        return await runtime.database.write(
            files.download, runtime.keyring, business_id, file_id, who
        )

    kept = None if str(path) == "-" else path
    descriptor = new_files.create(kept)  # before the file counts as given to the bank
    try:
        file, content = run(work)
    except BaseException:
        os.close(descriptor)
        if kept is not None:
            kept.unlink(missing_ok=True)
        raise
    try:
        with os.fdopen(descriptor, "wb") as target:
            target.write(content)
    except OSError as error:
        raise Conflict(
            f"The file counts as given to the bank, but {path} could not be written"
            f" ({error.strerror}). The same command gives it again, to another PATH."
        ) from error
    if kept is not None:
        click.echo(f"{path}: {file.payments} payments, SHA-256 {file.digest}", err=True)


@bank.command()
@click.argument("business_id", type=BUSINESS)
@click.argument("file_id", type=FILE)
@click.argument("outcome", type=click.Choice(["sent", "not-sent"]))
@as_person
@as_json
def settle(
    business_id: UUID, file_id: UUID, outcome: str, operator: str | None, as_json: bool
) -> None:
    """Say whether the bank has a file of which nobody else can find out.

    Where the business has a threshold, two people say that it has not.
    """

    async def work(runtime: Runtime) -> BankFile:
        who = await runtime.database.fetch(person, operator)
        return await runtime.database.write(
            lambda db: handing_over.settle(db, business_id, file_id, who, sent=outcome == "sent")
        )

    file = run(work)
    if file.step == "person":
        click.echo("It waits for a second person, who runs this command as well.", err=True)
    _print(_shown(file), as_json=as_json)


@bank.command("after-restore")
@click.argument("business_id", type=BUSINESS)
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_person
def after_restore(business_id: UUID, yes: bool, operator: str | None) -> None:
    """Let files be cut and released again that are held since the database was restored.

    Import everything first that the bank has said since the backup: what it names has left.
    """
    confirm("What left since the backup, and the bank did not name, is paid again. Go on?", yes=yes)

    async def work(runtime: Runtime) -> None:
        who = await runtime.database.fetch(person, operator)
        await runtime.database.write(holds.end, business_id, who)

    run(work)
    click.echo("Files are cut and released again.")


@bank.command("import")
@click.argument("business_id", type=BUSINESS)
@click.argument("file", type=click.File("rb"))
@as_person
@as_json
def import_(business_id: UUID, file: BinaryIO, operator: str | None, as_json: bool) -> None:
    """Import a report of the bank (`-`: standard input): pain.002, camt, or ACH returns.

    What gives back more than the business's threshold waits until a second person imports the same.
    """
    content = file.read(imports.MOST_BYTES + 1)

    async def work(runtime: Runtime) -> Taken | WaitingAct:
        who = await runtime.database.fetch(person, operator)
        account = await _account(runtime, business_id)
        return await imports.take(runtime.database, account, str(file.name), content, "upload", who)

    taken = run(work)
    if isinstance(taken, WaitingAct):
        click.echo(
            f"Nothing is imported yet: it gives back {dollars(taken.amount or 0)}, so a second"
            " person imports the same file as well.",
            err=True,
        )
        print_json(None) if as_json else None
        return
    rows = [
        {
            "kind": each.kind,
            "entries": each.entries,
            "repeated": each.repeated,
            "unmatched": each.unmatched,
            "already_imported": taken.is_repeated,
        }
        for each in taken.reports
    ]
    if as_json:
        print_json(rows)
        return
    print_table(list(rows[0]), [list(row.values()) for row in rows], "It holds nothing.")


@bank.command()
@click.argument("business_id", type=BUSINESS)
@click.option("--file", "file_id", type=FILE, help="Those of this file; else what waits.")
@click.option("--limit", type=LIMIT, default=50, show_default=True, help="How many at the most.")
@as_json
def payments(business_id: UUID, file_id: UUID | None, limit: int, as_json: bool) -> None:
    """List payments of a file, or those that wait for one."""

    async def work(runtime: Runtime) -> Sequence[Payment]:
        await runtime.database.fetch(businesses.get, business_id)
        if file_id is None:
            return await runtime.database.fetch(
                lambda db: files.list_waiting(db, business_id, limit=limit)
            )
        return await runtime.database.fetch(
            lambda db: files.list_payments(db, business_id, file_id, limit=limit)
        )

    rows = [
        {
            "order": ids.show(ids.ORDER, each.order_id),
            "end_to_end_id": each.end_to_end_id,
            "status": each.status,
            "name": each.name,
            "total": _amount(each.amount, each.currency),
            "not_before": each.not_before,
        }
        for each in run(work)
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("order", "end_to_end_id", "status", "name", "total", "not_before")
    print_table(columns, [list(row.values()) for row in rows], "There are no such payments.")


@bank.command("account")
@click.argument("business_id", type=BUSINESS)
@as_json
def account_(business_id: UUID, as_json: bool) -> None:
    """Compare our books with the account's statements: opening, what moved it, closing.

    Exit status 1 where a statement is missing or they do not add up.
    """

    async def work(runtime: Runtime) -> list[account_books.AccountBooks]:
        await runtime.database.fetch(businesses.get, business_id)
        return await runtime.database.fetch(account_books.read, business_id)

    found = run(work)
    if as_json:
        print_json([msgspec.to_builtins(each) | {"difference": each.difference} for each in found])
    elif not found:
        click.echo("The bank has given no statement yet: `payviox bank import`.")
    for each in [] if as_json else found:
        rows = [
            ("Opening", each.period_from or "", "", _amount(each.opening, each.currency)),
            *(
                (account_books.LINES[m.line], "", m.entries, _amount(m.amount, each.currency))
                for m in each.moved
            ),
            *(
                (
                    f"No statement between {g.after} and {g.before}",
                    "",
                    "",
                    _amount(g.amount, each.currency),
                )
                for g in each.gaps
            ),
            ("Difference", "", "", _amount(each.difference, each.currency)),
            ("Closing", each.period_to or "", "", _amount(each.closing, each.currency)),
        ]
        print_table(("what", "day", "entries", "amount"), rows, "")
        if each.not_stated:
            click.echo(
                f"{each.not_stated.payments} payments of"
                f" {_amount(each.not_stated.total, each.currency)} are booked by another report,"
                " and no statement shows them yet."
            )
    if any(each.gaps or each.difference for each in found):
        sys.exit(FAILED)


async def _account(runtime: Runtime, business_id: UUID) -> Account:
    """The business's bank account. Raises NotFound and Conflict."""
    await runtime.database.fetch(businesses.get, business_id)
    async with runtime.rails() as rails:
        account = await rails.account(business_id, "bank")
    if account is None:
        raise Conflict("The business has no bank account: `payviox rail connect bank`.")
    return account


def _shown(file: BankFile) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": ids.show(ids.BANK_FILE, file.id),
        "status": file.status,
        "scheme": file.scheme,
        "format": file.format,
        "name": file.name,
        "payments": file.payments,
        "total": _amount(file.total, file.currency),
        "execution_date": _day(file.execution_date),
        "sha256": file.digest,
        "created_by": file.created_by,
        "created_at": file.created_at,
        "released_at": file.released_at,
    }
    return facts | ({"problem": file.problem} if file.problem else {})


def _amount(amount: int, currency: str) -> str:
    return f"{amount / 100:,.2f} {currency}"


def _day(day: date) -> str:
    return day.isoformat()


def _print(facts: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        print_pairs({name: value for name, value in facts.items() if value is not None})
