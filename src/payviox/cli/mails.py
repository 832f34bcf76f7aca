"""`payviox mail`: what came of mails, whether any leave, and what came back."""

import sys
from typing import get_args

import click

from payviox import ids, smtp_server
from payviox.cli.groups import Group
from payviox.cli.output import LIMIT, as_json, print_json, print_table
from payviox.cli.runtime import Runtime, run
from payviox.errors import FieldErrors, PayvioxError, SettingsError
from payviox.mails import outbox
from payviox.mails.model import Mail, Status
from payviox.payout_users.email import InvalidEmail, canonical


@click.group(cls=Group)
def mail() -> None:
    """Mails: what came of them, what came back, and a test."""


@mail.command("list")
@click.option("--status", type=click.Choice(get_args(Status)), help="These alone.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def list_(status: Status | None, limit: int, as_json: bool) -> None:
    """List mails, the newest first, with the mail server's last refusal.

    Dropped are those that nobody wanted any more when their turn came.
    """
    rows = [
        _shown(each)
        for each in run(lambda app: app.database.fetch(outbox.list_page, status, limit))
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("created_at", "message", "recipient", "status", "attempts", "due_at", "answer")
    table = [[row[column] for column in columns] for row in rows]
    print_table(columns, table, "No mail was written yet.")


def _shown(each: Mail) -> dict[str, object]:
    return {
        "mail_id": str(each.id),
        "created_at": each.created_at,
        "message": each.message,
        "recipient": each.recipient,
        "status": each.status,
        "attempts": each.attempts,
        "due_at": each.due_at,
        "ended_at": each.ended_at,
        "answer": each.answer,
    }


@mail.command()
@click.argument("recipient")
def test(recipient: str) -> None:
    """Send RECIPIENT a mail at once, and say what the mail server answers."""
    try:
        address = canonical(recipient)
    except InvalidEmail as error:
        raise FieldErrors({"email": [error.in_full]}) from error

    async def work(app: Runtime) -> None:
        from payviox.mails.rendering import render  # noqa: PLC0415  # templates: rarely needed
        from payviox.mails.sending import Outgoing, Refused  # noqa: PLC0415  # as above

        url, sender = app.settings.smtp_url, app.settings.mail_from
        if url is None or sender is None:
            raise SettingsError("No mail server is set: see PAYVIOX_SMTP_URL in docs/operating.md.")
        written = render(
            "test",
            ids.new(),
            smtp_server.parse_sender(sender),
            address,
            {"site": app.settings.public_url},
        )
        async with Outgoing(smtp_server.parse(url)) as outgoing:
            try:
                await outgoing.send(written)
            except Refused as error:
                raise PayvioxError(f"The mail server did not take it: {error}") from error

    run(work)
    click.echo(f"The mail server took a mail to {address}.")


@mail.command()
def bounce() -> None:
    """Read a mail that came back from the standard input, and keep what it says.

    For the mailbox to which mails return (PAYVIOX_MAIL_RETURN_PATH): have your mail server pipe
    what arrives there to this command. What is no report about a mail of ours is left alone.
    """
    from payviox.mails import bounces  # noqa: PLC0415  # parsing mails: rarely needed
    from payviox.recipient_mails import returned  # noqa: PLC0415  # as above

    report = bounces.read(sys.stdin.buffer.read(bounces.MAX_BYTES))
    if report is None:
        click.echo("This is no report about a mail of ours: nothing was changed.")
        return
    known = run(lambda app: app.database.write(returned.keep, report))
    if not known:
        click.echo("The mail that it is about is not known any more: nothing was changed.")
        return
    click.echo(f"mail {report.mail_id}: {report.kind}, {report.reason}")
