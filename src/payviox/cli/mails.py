"""`payviox mail`: what came of mails, whether any leave, and what came back."""

import sys
from dataclasses import asdict
from email.headerregistry import Address
from typing import get_args

import click

from payviox import smtp_server
from payviox.cli.exit_status import FAILED
from payviox.cli.groups import Group
from payviox.cli.output import LIMIT, as_json, print_json, print_table
from payviox.cli.runtime import Runtime, run
from payviox.errors import FieldErrors, PayvioxError, SettingsError
from payviox.mails import outbox
from payviox.mails.model import Mail, Status
from payviox.payout_users.email import InvalidEmail, canonical
from payviox.smtp_server import SmtpServer


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
    address = _address(recipient)

    async def work(app: Runtime) -> None:
        from payviox.mails import checking  # noqa: PLC0415  # templates, DNS: rarely needed

        server, sender = _mail_server(app)
        finding, _ = await checking.send_test(
            server, sender, app.settings.mail_return_path, address, app.settings.public_url
        )
        if finding.verdict != "ok":
            raise PayvioxError(finding.detail)

    run(work)
    click.echo(f"The mail server took a mail to {address}.")


@mail.command()
@click.argument("recipient", metavar="[TO]", required=False)
@click.option("--selector", help="The DKIM selector with which your mail server signs.")
@as_json
def check(recipient: str | None, selector: str | None, as_json: bool) -> None:
    """Look up SPF, DKIM and DMARC of the sender, and send TO a test while showing what is said.

    Without TO nothing is sent. Exit status 1 where there is a problem.
    """
    address = None if recipient is None else _address(recipient)

    async def work(app: Runtime) -> tuple[list[dict[str, str]], list[str]]:
        from payviox.mails import checking  # noqa: PLC0415  # as above

        server, sender = _mail_server(app)
        back = app.settings.mail_return_path
        findings = await checking.check_domain(sender, back, selector)
        said: list[str] = []
        if address is not None:
            site = app.settings.public_url
            finding, said = await checking.send_test(server, sender, back, address, site)
            findings = [finding, *findings]
        return [asdict(each) for each in findings], said

    findings, said = run(work)
    if as_json:
        print_json({"findings": findings, "dialogue": said})
    else:
        click.echo("".join(f"{line}\n" for line in said), nl=False)
        columns = ("subject", "verdict", "detail")
        print_table(columns, [[row[column] for column in columns] for row in findings], "")
    if any(row["verdict"] == "problem" for row in findings):
        sys.exit(FAILED)


def _address(text: str) -> str:
    """Raises FieldErrors."""
    try:
        return canonical(text)
    except InvalidEmail as error:
        raise FieldErrors({"email": [error.in_full]}) from error


def _mail_server(app: Runtime) -> tuple[SmtpServer, Address]:
    """The mail server and the sender. Raises SettingsError where there are none."""
    url, sender = app.settings.smtp_url, app.settings.mail_from
    if url is None or sender is None:
        raise SettingsError("No mail server is set: see PAYVIOX_SMTP_URL in docs/operating.md.")
    return smtp_server.parse(url), smtp_server.parse_sender(sender)


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
