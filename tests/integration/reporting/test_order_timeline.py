"""An order's timeline: everything that happened to it, typed and in order."""

import pytest

from payviox import ids
from payviox.audit.model import AuditEntry
from payviox.db.pool import Database
from payviox.errors import NotFound
from payviox.ledger.service import MovementRow
from payviox.reporting.order_timeline import Answered, timeline
from payviox.webhooks.log import Entry as WebhookEvent
from payviox.withdrawals.model import Attempt, StateEntry
from support.businesses import TestBusiness
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def test_a_paid_order_tells_states_attempt_answer_money_and_events_oldest_first(
    business: TestBusiness, database: Database
) -> None:
    desk = Desk.of(business)
    order = await desk.withdraw(await desk.user(5_000), 5_000)
    await desk.process()
    told = await database.fetch(timeline, order.id)
    assert told.order == await desk.get(order)
    assert [state.status for state in told.of(StateEntry)] == [
        "created",
        "queued",
        "sending",
        "succeeded",
    ]
    (attempt,) = told.of(Attempt)
    assert [answered.attempt for answered in told.of(Answered)] == [attempt]
    assert [move.kind for move in told.of(MovementRow)] == ["reserve", "settle"]
    assert [entry.event.type for entry in told.of(WebhookEvent)] == [
        "payout.created",
        "payout.processing",
        "payout.succeeded",
    ]
    assert [entry.at for entry in told.entries] == sorted(entry.at for entry in told.entries)
    kinds = [type(entry.fact) for entry in told.entries]
    assert kinds.index(Attempt) < kinds.index(Answered)


async def test_what_was_noticed_of_an_order_is_in_its_timeline_and_nothing_of_another(
    business: TestBusiness, database: Database
) -> None:
    desk = Desk.of(business)
    user_id = await desk.user(5_000)
    waits = await desk.withdraw(user_id, 1_000, {"email": "float-empty@example.com"})
    other = await desk.withdraw(user_id, 1_000)
    await desk.process()
    noticed = (await database.fetch(timeline, waits.id)).of(AuditEntry)
    assert [entry.act for entry in noticed] == ["order.waiting"]
    assert (await database.fetch(timeline, other.id)).of(AuditEntry) == []


async def test_an_order_that_nobody_has_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="There is no order ord_"):
        await database.fetch(timeline, ids.new())
