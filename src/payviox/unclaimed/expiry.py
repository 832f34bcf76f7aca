"""Unspent allocations that have outlived their business's rule go back to the payout balance. The
oldest money is spent first; nothing goes that was not announced for as long as the rule says, and
nothing while an order is open. In US cents."""

from uuid import UUID

from payviox import ids
from payviox.actors import WORKER
from payviox.audit import service as audit
from payviox.businesses import service as businesses
from payviox.db.pool import Connection, Database
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT, Posting, user
from payviox.mails import outbox
from payviox.mails.model import NewMail
from payviox.unclaimed.queries import expiry as queries
from payviox.unclaimed.queries.expiry import Announced

__all__ = ["Announced", "announce", "delete_void", "expire_balances", "find_announced"]

GROUP = 200
"""Payout users told in one transaction, and at most moved under one lock of the payout account."""

find_announced = queries.find


async def delete_void(database: Database) -> None:
    """Forget what was announced under rules that have changed: it is announced anew."""
    await database.write(queries.delete_void)


async def announce(database: Database, business_id: UUID) -> None:
    """Announce what a business's rule will take back next, by mail where it sends any."""
    while await database.write(_announce, business_id):
        pass


async def _announce(connection: Connection, business_id: UUID) -> bool:
    """Whether there may be more."""
    new = await queries.announce(connection, business_id, GROUP)
    if new and await businesses.notifies(connection, business_id):
        mails = [
            NewMail(
                f"expiry {notice.id}",
                notice.email,
                "expiry_announced",
                {"user": ids.show(ids.USER, notice.payout_user_id), "notice": str(notice.id)},
            )
            for notice in new
        ]
        await outbox.put_all(connection, business_id, mails)
    return len(new) == GROUP


async def expire_balances(database: Database) -> int:
    """Take back what has expired, of every business, a group of payout users at a time; answers how
    many cents. It may be interrupted anywhere and run again."""
    total = 0
    for business_id in await database.fetch(queries.due_businesses):
        while user_ids := await database.fetch(queries.due, business_id, GROUP):
            total += await database.write(_expire, business_id, user_ids)
    return total


async def _expire(connection: Connection, business_id: UUID, user_ids: list[UUID]) -> int:
    """Look under the locks, then move. Whoever changes the rule holds the payout account, too."""
    await ledger.lock(connection, business_id, [PAYOUT, *map(user, user_ids)])
    expired = await queries.take_due(connection, business_id, user_ids)
    if not expired:
        return 0
    postings = [
        Posting("expiry", each.cents, user(each.payout_user_id), PAYOUT, actor=WORKER)
        for each in expired
    ]
    await ledger.post(connection, business_id, postings)
    total = sum(each.cents for each in expired)
    detail = {"payout_users": len(expired), "amount": total}
    await audit.record(connection, business_id, WORKER, "balance.expire", detail)
    if await businesses.notifies(connection, business_id):
        mails = [
            NewMail(
                f"expiry {each.notice_id}",
                each.email,
                "expired",
                {"user": ids.show(ids.USER, each.payout_user_id), "cents": each.cents},
            )
            for each in expired
        ]
        await outbox.put_all(connection, business_id, mails)
    return total
