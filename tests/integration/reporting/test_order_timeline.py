"""An order's timeline: everything that happened to it, typed and in order."""

import pytest

from payviox import ids
from payviox.audit.model import AuditEntry
from payviox.db.pool import Database
from payviox.errors import NotFound
from payviox.ledger.service import MovementRow
from payviox.rails.failures import FAILURES
from payviox.rails.reviews import REVIEWS
from payviox.rails.waiting import waiting
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
    assert kinds[0] is StateEntry, "nothing comes before it was asked for"
    assert kinds.index(Attempt) < kinds.index(Answered)


async def test_what_was_noticed_of_an_order_is_in_its_timeline_and_nothing_of_another(
    business: TestBusiness, database: Database
) -> None:
    desk = Desk.of(business)
    user_id = await desk.user(5_000)
    waits = await desk.withdraw(user_id, 1_000, {"email": "float-empty@example.com"})
    other = await desk.withdraw(user_id, 1_000)
    await desk.process()
    story = await database.fetch(timeline, waits.id)
    assert [entry.act for entry in story.of(AuditEntry)] == ["order.waiting"]
    assert story.reasons == [waiting("float_empty", "sandbox")]
    story = await database.fetch(timeline, other.id)
    assert (story.of(AuditEntry), story.reasons) == ([], [])


async def test_a_failed_order_tells_why_and_what_to_do_and_one_in_review_each_of_its_reasons(
    business: TestBusiness, database: Database
) -> None:
    desk = Desk.of(business)
    await business.set(review_amount=2_000)
    user_id = await desk.user(5_000)
    failed = await desk.withdraw(user_id, 1_000, {"email": "fail@example.com"})
    reviewed = await desk.withdraw(user_id, 2_500)
    await desk.process()
    assert (await database.fetch(timeline, failed.id)).reasons == [FAILURES["sandbox_failed"]]
    assert (await database.fetch(timeline, reviewed.id)).reasons == [REVIEWS["amount"]]


async def test_an_order_that_nobody_has_is_not_found(database: Database) -> None:
    with pytest.raises(NotFound, match="There is no order ord_"):
        await database.fetch(timeline, ids.new())
