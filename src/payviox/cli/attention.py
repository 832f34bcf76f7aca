"""`payviox attention`: what waits for a person, and what to do about it."""

import sys
from functools import partial
from typing import Any
from uuid import UUID

import click

from payviox import ids
from payviox.businesses import service as businesses
from payviox.cli.held_stock import count_held, say_held
from payviox.cli.output import BUSINESS, age, as_json, counted, print_json, print_table
from payviox.cli.runtime import Runtime, run
from payviox.money import dollars
from payviox.monitoring import archive
from payviox.rails.waiting import can_resume
from payviox.reporting import attention as reporting
from payviox.reporting.attention import Cause, Matter

NOUNS: dict[Cause, str] = {
    "unexplained": "suspense item",
    "bank_file_unknown": "file",
    "bank_file_waiting": "file",
    "float_low": "asset",
    "low_stock": "product",
    "key_expiring": "key",
    "codes_without_mail": "rule",
    "upload_stopped": "upload",
    "webhook_failing": "webhook",
    "second_signature": "approval",
    "invitation_failed": "invitation",
    "mail_failed": "mail",
}
"""What is counted, where it is not orders."""

COMMANDS: dict[Cause, str] = {
    "person": "payviox order list {business} --waiting person",
    "unknown": "payviox order list {business} --status unknown",
    "unexplained": "payviox reconcile items --business {business}",
    "bank_file_unknown": "payviox bank files {business}",
    "bank_file_waiting": "payviox bank files {business}",
    "review": "payviox order list {business} --status review",
    "float_empty": "payviox order resume {business} --waiting float_empty",
    "waiting": "payviox rail check {business}",
    "float_low": "payviox rail check {business}",
    "codes_without_mail": "payviox business set {business} code_first=no code_amount=none"
    " code_new_device=no",
    "upload_stopped": "payviox business audit {business}",
    "low_stock": "payviox giftcards stock {business}",
    "key_expiring": "payviox keys list {business}",
    "webhook_failing": "payviox webhook log {business}",
    "second_signature": "payviox approval list {business}",
    "invitation_failed": "payviox mail list --status failed",
    "mail_failed": "payviox mail list --status failed",
}
"""The command that the next step begins with."""


@click.command()
@click.option("--business", "business_id", type=BUSINESS, help="Of this business alone.")
@as_json
def attention(business_id: UUID | None, as_json: bool) -> None:
    """List what waits for a person, the most urgent first, each with what to do next.

    That is: orders in review, with an unknown outcome or waiting for what only an operator can
    give, money that nobody has explained, what a second person has to sign, files to a bank that
    somebody has to let go or ask the bank about, low floats and stock, webhooks and mails that were
    given up, codes that no mail server sends. No rail is asked: `payviox reconcile` and `payviox
    rail check` do. An archive of WAL that fails, and gift cards that are held after a restore, are
    told first, on standard error.
    """

    async def work(runtime: Runtime) -> tuple[list[Matter], str | None, int]:
        if business_id is not None:
            await runtime.database.fetch(businesses.get, business_id)
        sends_mails = runtime.settings.smtp_url is not None
        matters = await runtime.database.fetch(
            partial(reporting.matters, business_id=business_id, sends_mails=sends_mails)
        )
        home = runtime.settings.home if runtime.settings.embedded else None
        watch = archive.FolderWatch()
        place = await watch.place(home, archive.COMMAND_WAITS_S) if home else None
        backup = archive.complaint(await runtime.database.fetch(archive.state), place)
        return matters, backup, await count_held(runtime)

    matters, backup, held = run(work)
    if backup is not None:
        click.echo(f"Backup: {backup}.", err=True)
    say_held(held)
    if as_json:
        print_json([_shown(each) for each in matters])
    elif sys.stdout.isatty():
        click.echo("\n\n".join(map(told, matters)) or "Nothing waits for a person.")
    else:
        rows = [_shown(each) for each in matters]
        columns = list(rows[0]) if rows else []
        print_table(columns, [list(row.values()) for row in rows], "Nothing waits for a person.")


def _shown(matter: Matter) -> dict[str, Any]:
    return {
        "cause": matter.cause,
        "business_id": ids.show(ids.BUSINESS, matter.business_id),
        "name": matter.name,
        "mode": matter.mode,
        "rail": matter.rail,
        "subject": matter.subject,
        "number": matter.number,
        "amount": matter.cents,
        "oldest": matter.oldest,
        "meaning": matter.advice.meaning,
        "next_step": matter.advice.next_step,
        "command": _command(matter),
    }


def told(matter: Matter) -> str:
    """`review: 3 orders, $260.00, the oldest since 2 h` with where, what it means and what to
    do."""
    facts = [counted(matter.number, NOUNS.get(matter.cause, "order"))]
    if matter.cents is not None:
        facts.append(dollars(matter.cents))
    if matter.oldest is not None:
        facts.append(f"the oldest {age(matter.oldest)} ago")
    at = f"{matter.name} ({matter.mode})" + (f", {matter.rail}" if matter.rail else "")
    about = f" ({matter.subject})" if matter.subject else ""
    return (
        f"{matter.cause}{about}: {', '.join(facts)}\n"
        f"  {at}: {matter.advice.meaning}\n"
        f"  {matter.advice.next_step}\n"
        f"  {_command(matter)}"
    )


def _command(matter: Matter) -> str:
    command = COMMANDS[matter.cause]
    if matter.cause == "float_empty" and not can_resume(matter.cause, matter.rail):
        command = "payviox order list {business} --waiting float_empty"
    return command.format(business=ids.show(ids.BUSINESS, matter.business_id))
