"""`payviox business expiry` and `ageing`: money that payout users have not taken."""

from uuid import UUID

import click

from payviox import ids
from payviox.businesses import rules
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.cli.acting import as_person
from payviox.cli.business.rules import set_rules
from payviox.cli.output import (
    BUSINESS,
    LIMIT,
    Id,
    as_json,
    print_json,
    print_pairs,
    print_table,
)
from payviox.cli.runtime import Runtime, run
from payviox.db.pool import Connection
from payviox.money import dollars
from payviox.reporting import ageing
from payviox.reporting.ageing import BUCKETS, Ageing, UnclaimedRow


@click.command("expiry")
@click.argument("business_id", type=BUSINESS)
@click.option("--after", metavar="DAYS", help="Days after which it returns; `none` for never.")
@click.option("--notice", metavar="DAYS", help="Days for which that is announced before.")
@click.option("--remind", metavar="DAYS", help="Such as 7,30: when people are reminded; `none`.")
@as_person
@as_json
def expiry_(
    business_id: UUID,
    *,
    after: str | None,
    notice: str | None,
    remind: str | None,
    operator: str | None,
    as_json: bool,
) -> None:
    """Say when people are reminded of unspent money and when it returns; show what is set."""
    typed = {
        "balance_lifetime_days": after,
        "expiry_notice_days": notice,
        "reminder_days": remind,
    }
    changes = rules.parse([f"{name}={text}" for name, text in typed.items() if text is not None])
    if changes:
        set_rules(business_id, changes, operator)

    async def work(runtime: Runtime) -> Business:
        return await runtime.database.fetch(businesses.get, business_id)

    kept = run(work)
    shown = {name: getattr(kept, name) for name in typed}
    if as_json:
        print_json(shown)
        return
    print_pairs(shown)


@click.command("ageing")
@click.argument("business_id", type=BUSINESS)
@click.option("--age", type=click.Choice([bucket.name for bucket in BUCKETS]), help="Days.")
@click.option("--after", type=Id(ids.USER), help="Only people after this one.")
@click.option("--limit", type=LIMIT, default=50, show_default=True)
@as_json
def ageing_(
    business_id: UUID, *, age: str | None, after: UUID | None, limit: int, as_json: bool
) -> None:
    """Show money that payout users have not taken, by its age, and who has the oldest."""

    async def work(runtime: Runtime) -> tuple[Ageing, list[UnclaimedRow]]:
        async def read(connection: Connection) -> tuple[Ageing, list[UnclaimedRow]]:
            await businesses.get(connection, business_id)
            sums = await ageing.find(connection, business_id)
            bucket = ageing.bucket_of(age or "")
            return sums, await ageing.list_page(connection, business_id, bucket, after, limit)

        return await runtime.database.fetch(read)

    sums, people = run(work)
    rows = [
        {
            "user_id": ids.show(ids.USER, person.user_id),
            "email": person.email,
            "balance": person.balance,
            "since": person.since,
            "reminders": person.reminders,
            "last_mail": person.message,
            "mail_status": person.mail_status,
            "seen_at": person.seen_at,
            "expires_at": person.expires_at,
        }
        for person in people
    ]
    by_age = {bucket.name: cents for bucket, cents in sums.sums}
    if as_json:
        print_json({"summed_at": sums.summed_at, "by_age": by_age, "payout_users": rows})
        return
    print_pairs({f"{name} days": dollars(cents) for name, cents in by_age.items()})
    columns = ("user_id", "email", "balance", "since", "reminders", "mail_status", "expires_at")
    print_table(columns, [[row[name] for name in columns] for row in rows], "Nobody has any.")
