"""What the installation stands among: disk, backups, mail server, its own address, rails."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from payviox import smtp_server
from payviox.actors import Actor
from payviox.businesses.model import Business
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.mails.connections import Outgoing, Refused
from payviox.monitoring import archive
from payviox.monitoring.checkup.finding import Finding, Verdict, ok
from payviox.rail_accounts import checking
from payviox.settings import Settings
from payviox.tracing import spans_url
from payviox.withdrawals.routing import Rails

LOW_BYTES, LOW_SHARE = 2 * 10**9, 0.05
ANSWER_S = 10.0


def disk(home: Path) -> Finding:
    """The disk on which the embedded database is."""
    usage = shutil.disk_usage(home)
    free = f"{usage.free / 1e9:,.1f} of {usage.total / 1e9:,.1f} GB free at {home}"
    if usage.free < max(LOW_BYTES, usage.total * LOW_SHARE):
        return Finding("disk", "problem", free, "Make room: a full disk stops every payment.")
    return ok("disk", free)


async def backups(database: Database, home: Path | None) -> Finding:
    """`home` is that of an embedded database."""
    place = await archive.FolderWatch().place(home, archive.COMMAND_WAITS_S) if home else None
    state = await database.fetch(archive.state)
    wrong = archive.complaint(state, place)
    if wrong is not None:
        return Finding("backups", "problem", wrong, "See `payviox database show`.")
    if home is not None and place is None:
        return Finding(
            "backups",
            "warning",
            "nothing is archived: what is lost with this disk is lost",
            "Begin on another disk: `payviox database backup FOLDER`.",
        )
    if place is None or place.backup_age_s is None:
        return ok("backups", "your server's own; its archive_command does not fail")
    return ok("backups", f"the newest is {place.backup_age_s / 3_600:,.0f} h old; WAL is archived")


async def mail(settings: Settings) -> Finding:
    """Whether the mail server takes our name and password; no mail is sent."""
    if settings.smtp_url is None:
        return Finding(
            "mail",
            "warning",
            "no mail server is set: nobody is told of money, and codes cannot be sent",
            "Set PAYVIOX_SMTP_URL and PAYVIOX_MAIL_FROM.",
        )
    server = smtp_server.parse(settings.smtp_url)
    async with Outgoing(server) as outgoing:
        try:
            await outgoing.open()
        except Refused as error:
            return Finding(
                "mail",
                "problem",
                f"{server.host}:{server.port} does not let us in: {error}",
                "Correct PAYVIOX_SMTP_URL, then try `payviox mail check ADDRESS`.",
            )
    return ok("mail", f"{server.host}:{server.port} lets us in")


async def address(settings: Settings) -> Finding:
    """Whether the address that stands in links leads to an installation of ours."""
    url = f"{settings.public_url}/health/live"
    try:
        async with httpx2.AsyncClient(timeout=ANSWER_S) as client:
            answer = await client.get(url)
    except httpx2.HTTPError as error:
        why = str(error) or type(error).__name__
        return Finding(
            "reachable",
            "problem",
            f"{url} does not answer ({why})",
            "Start `payviox serve`; look at DNS, the proxy and its certificate.",
        )
    if answer.status_code != 200 or '"live"' not in answer.text:
        return Finding(
            "reachable",
            "problem",
            f"{url} answers {answer.status_code}, and not as Payviox does",
            "PAYVIOX_PUBLIC_URL, or the proxy behind it, leads somewhere else.",
        )
    return ok("reachable", f"{url} answers")


async def traces(settings: Settings) -> Sequence[Finding]:
    """Whether the collector takes spans, where one is set; it is sent none."""
    if settings.otlp_endpoint is None:
        return []
    url = spans_url(settings.otlp_endpoint)
    host = urlsplit(url).hostname
    try:
        async with httpx2.AsyncClient(timeout=ANSWER_S) as client:
            answer = await client.post(url, headers={"content-type": "application/x-protobuf"})
    except httpx2.HTTPError as error:
        why = str(error) or type(error).__name__
        wrong = f"the collector at {host} does not answer ({why}): spans are lost"
    else:
        if answer.is_success:
            return [ok("traces", f"the collector at {host} takes spans")]
        if answer.status_code in (401, 403):  # the SDK alone knows what is to be sent with them
            return [ok("traces", f"the collector at {host} answers, and wants to know who we are")]
        wrong = f"{host} answers {answer.status_code}, and not as a collector does"
    advice = "PAYVIOX_OTLP_ENDPOINT must lead to OTLP over HTTP: mostly port 4318, not 4317."
    return [Finding("traces", "warning", wrong, advice)]


async def rails(
    business: Business,
    database: Database,
    keyring: Keyring,
    opened: Rails,
    actor: Actor,
    public_url: str,
) -> Sequence[Finding]:
    """Every account that this business connected, asked something harmless."""
    findings = []
    accounts = await checking.accounts_of(database, business.id)
    checked = await checking.check(
        database,
        keyring,
        opened.connected,
        accounts,
        actor,
        public_url=public_url,
        changes_nothing=True,
    )
    for each in checked:
        subject = f"{each.account.rail} of {business.name} ({business.mode})"
        wrong = [finding for finding in each.findings if finding.problem]
        for finding in wrong:
            verdict: Verdict = "warning" if finding.harmless else "problem"
            findings.append(Finding(subject, verdict, f"{finding.subject}: {finding.problem}"))
        if not wrong:
            findings.append(ok(subject, "it lets us in"))
    return findings
