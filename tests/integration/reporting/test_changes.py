"""What open pages are told: that something of their business changed, by one connection for all."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import ids
from payviox.auth import sessions
from payviox.auth.queries import sessions as session_rows
from payviox.db import announcing
from payviox.db.listening import listen
from payviox.db.pool import Connection, Database
from payviox.errors import Busy
from payviox.reconciliation.queries import reports
from payviox.reporting import changes as module
from payviox.reporting.changes import KINDS, Changes, Kind, Viewer
from payviox.rights import service as rights
from payviox.webhooks.model import Claim
from payviox.webhooks.queries import deliveries, events
from support.businesses import TestBusiness
from support.dashboard import make_operator
from support.databases import Urls
from support.machine import stretch
from support.polling import eventually
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ALL: frozenset[Kind] = frozenset(KINDS)
Who = tuple[UUID, bytes]


@pytest.fixture
async def changes(urls: Urls) -> AsyncIterator[Changes]:
    made = Changes(Database(urls.application))
    yield made
    made.close()


@pytest.fixture
async def session(database: Database) -> Who:
    """An admin with the digest of their session's token."""
    operator = await make_operator(database, f"{uuid4().hex}@example.com", is_admin=True)
    digest = hashlib.sha256(uuid4().bytes).digest()
    await database.write(
        session_rows.insert_session, ids.new(), digest, operator, "password", None, None
    )
    return operator, digest


async def told(changes: Changes, viewer: Viewer) -> frozenset[Kind]:
    """What the viewer is told next; beats are passed over."""
    async with asyncio.timeout(stretch(20)):
        async for kinds in changes.follow(viewer):
            if kinds:
                return kinds
    raise AssertionError("the stream ended")


async def told_of(changes: Changes, viewer: Viewer, kind: Kind) -> None:
    while kind not in await told(changes, viewer):
        pass


async def settled(changes: Changes, viewer: Viewer) -> None:
    """The listener listens and has looked once: what every viewer is told at first is over."""
    business = viewer.business_id
    await eventually(lambda: business in changes._versions)
    viewer.changed.clear()
    viewer.told_at.clear()


async def test_an_orders_new_state_is_told_to_who_looks_at_its_business(
    changes: Changes, session: Who, business: TestBusiness
) -> None:
    desk = Desk.of(business)
    user = await desk.user(5_000)
    with (
        changes.watch(business.business_id, *session, frozenset({"orders"})) as viewer,
        changes.watch(uuid4(), *session, ALL) as elsewhere,
    ):
        await settled(changes, viewer)
        elsewhere.changed.clear()
        await desk.withdraw(user, 2_500)
        assert await told(changes, viewer) == {"orders"}
        assert elsewhere.changed == set()


async def test_allocated_money_is_told_though_allocating_announces_nothing(
    changes: Changes, session: Who, business: TestBusiness
) -> None:
    with changes.watch(business.business_id, *session, ALL) as viewer:
        await settled(changes, viewer)
        await Desk.of(business).user(5_000)
        assert await told(changes, viewer) == {"money"}


async def test_what_becomes_of_a_delivery_and_a_comparison_is_told(
    changes: Changes, session: Who, business: TestBusiness
) -> None:
    event = ids.new()
    with changes.watch(business.business_id, *session, frozenset({"webhooks", "items"})) as viewer:
        await settled(changes, viewer)
        await business.database.write(
            lambda db: events.insert_event(
                db, business.business_id, event, event_type="test", order_id=None, body="{}"
            )
        )
        await business.database.write(
            deliveries.insert_delivery, business.business_id, ids.new(), event
        )
        assert viewer.changed == set(), "that something happened is told with its order"
        await business.database.write(
            deliveries.send_again, business.business_id, [(event, ids.new())]
        )
        assert await told(changes, viewer) == {"webhooks"}
        lease = timedelta(minutes=1)
        await business.database.write(deliveries.lease, business.business_id, event, lease)
        assert await told(changes, viewer) == {"webhooks"}
        claim = Claim(
            business.business_id, ids.new(), datetime.now(UTC), event, "", False, "", b"", None, ""
        )
        await business.database.write(deliveries.hand_back, [claim])
        assert await told(changes, viewer) == {"webhooks"}
        await business.database.write(
            reports.keep, business.business_id, "paypal", datetime.now(UTC), datetime.now(UTC), {}
        )
        assert await told(changes, viewer) == {"items"}


async def test_what_was_rolled_back_is_not_told_and_what_happens_twice_is_told_once(
    urls: Urls, business: TestBusiness
) -> None:
    async def work(connection: Connection, kinds: Sequence[announcing.Kind]) -> None:
        for kind in kinds:
            announcing.announce(connection, business.business_id, kind)
        if "webhooks" in kinds:
            raise LookupError

    one = Database(urls.application, size=1)
    await one.open()
    try:
        async with await listen(one, announcing.CHANNEL) as listening:
            with pytest.raises(LookupError):
                await one.write(work, ["orders", "webhooks"])
            await one.write(work, [])
            await one.write(work, ["items", "items"])
            await one.write(work, ["orders"])
            said = [
                each.payload async for each in listening.notifies(timeout=stretch(20), stop_after=2)
            ]
    finally:
        await one.close()
    assert said == [f"{business.business_id} items", f"{business.business_id} orders"]


async def test_a_stream_ends_with_its_session(
    changes: Changes, session: Who, database: Database, business: TestBusiness
) -> None:
    with changes.watch(business.business_id, *session, ALL) as viewer:
        await settled(changes, viewer)
        await database.write(session_rows.delete_session, session[1])
        async with asyncio.timeout(stretch(20)):
            async for _ in changes.follow(viewer):
                pass
        assert viewer.is_ended
    found = await database.fetch(sessions.which_are_open, [session[1]])
    assert found == set()


async def test_a_stream_ends_when_its_viewer_may_not_look_any_more(
    changes: Changes, database: Database, business: TestBusiness
) -> None:
    viewers = []
    for _ in range(2):
        operator = await make_operator(database, f"{uuid4().hex}@example.com", business, "viewer")
        digest = hashlib.sha256(uuid4().bytes).digest()
        await database.write(
            session_rows.insert_session, ids.new(), digest, operator, "password", None, None
        )
        viewers.append((operator, digest))
    gone, other = viewers
    with (
        changes.watch(business.business_id, *gone, ALL) as viewer,
        changes.watch(business.business_id, *other, ALL) as still,
    ):
        await settled(changes, viewer)
        organization = await business.scalar(
            "SELECT organization_id FROM businesses WHERE id = %s", business.business_id
        )
        await database.write(rights.remove, organization, gone[0])
        async with asyncio.timeout(stretch(20)):
            async for _ in changes.follow(viewer):
                pass
        assert (viewer.is_ended, still.is_ended) == (True, False)


async def test_who_comes_while_the_listener_looks_at_the_others_is_told_like_them(
    changes: Changes,
    session: Who,
    database: Database,
    business: TestBusiness,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody else's page, opened between the listener's question and its answer."""
    operator = await make_operator(database, f"{uuid4().hex}@example.com", is_admin=True)
    digest = hashlib.sha256(uuid4().bytes).digest()
    await database.write(
        session_rows.insert_session, ids.new(), digest, operator, "password", None, None
    )
    ask, joined = rights.who_may_look, asyncio.Event()
    late: list[Viewer] = []
    with ExitStack() as pages:

        async def ask_and_join(*asked: Any) -> Any:
            answer = await ask(*asked)
            if not late:
                late.append(
                    pages.enter_context(
                        changes.watch(business.business_id, operator, digest, frozenset({"orders"}))
                    )
                )
                joined.set()
            return answer

        first = pages.enter_context(changes.watch(business.business_id, *session, ALL))
        await settled(changes, first)
        monkeypatch.setattr(rights, "who_may_look", ask_and_join)
        await joined.wait()
        desk = Desk.of(business)
        await desk.withdraw(await desk.user(5_000), 2_500)
        assert await told(changes, late[0]) == {"orders"}
        assert not late[0].is_ended


async def test_a_process_that_stops_lets_its_pages_follow_another(
    changes: Changes, session: Who, business: TestBusiness
) -> None:
    """A stream that ends with a session tells its page to follow no more; this one does not."""
    with changes.watch(business.business_id, *session, ALL) as viewer:
        await settled(changes, viewer)
        following = asyncio.create_task(told(changes, viewer))
        await asyncio.sleep(0)
        changes.close()
        async with asyncio.timeout(stretch(20)):
            with pytest.raises(AssertionError, match="the stream ended"):
                await following
        assert not viewer.is_ended


async def test_fifty_viewers_share_one_connection_which_is_made_again_where_it_is_lost(
    changes: Changes, session: Who, business: TestBusiness, urls: Urls
) -> None:
    def listeners() -> list[int]:
        with urls.as_admin() as admin:
            rows = admin.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE application_name = 'payviox live' AND datname = current_database()"
            ).fetchall()
        return [row[0] for row in rows]

    digests = [hashlib.sha256(b"%d" % number).digest() for number in range(49)]
    with ExitStack() as pages:
        viewer = pages.enter_context(changes.watch(business.business_id, *session, ALL))
        await settled(changes, viewer)
        for digest in digests:
            pages.enter_context(changes.watch(business.business_id, session[0], digest, ALL))
        (first,) = listeners()
        with urls.as_admin() as admin:
            admin.execute("SELECT pg_terminate_backend(%s::integer)", [first])
        await told_of(changes, viewer, "orders")
        (second,) = listeners()
        assert second != first
    await eventually(lambda: not listeners())


async def test_who_listens_leaves_a_primary_that_is_none_any_more(
    changes: Changes, session: Who, business: TestBusiness
) -> None:
    timelines = changes._database._timelines
    with changes.watch(business.business_id, *session, ALL) as viewer:
        await settled(changes, viewer)
        [(system, timeline)] = timelines._newest.items()
        timelines._newest[system] = timeline + 1  # the pools have seen a newer one
        await eventually(lambda: timelines._former)
        timelines._newest[system] = timeline
        # Whatever happened meanwhile is not known: all is read again.
        await told_of(changes, viewer, "webhooks")
        await eventually(lambda: not timelines._former)


async def test_nobody_opens_more_pages_than_one_person_reads(
    changes: Changes, session: Who, business: TestBusiness
) -> None:
    with ExitStack() as pages:
        for _ in range(module.MOST_OF_SESSION):
            changes.require_room(session[1])
            pages.enter_context(changes.watch(business.business_id, *session, ALL))
        with pytest.raises(Busy):
            changes.require_room(session[1])
        changes.require_room(b"somebody else")
    changes.require_room(session[1])


def test_the_first_change_is_told_at_once_and_a_stream_of_them_the_slower_the_more_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changes, business = Changes("unused"), UUID(int=1)
    now = 1_000.0
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now))
    changes._of_business[business] = 50
    viewer = Viewer(business, UUID(int=2), b"", ALL)
    viewer.wake("money")
    assert changes._due(viewer) == ({"money"}, module.BEAT_S)
    viewer.wake("money")
    viewer.wake("orders")
    assert changes._due(viewer) == ({"orders"}, 50 / module.REFRESHES)
    now += 50 / module.REFRESHES
    assert changes._due(viewer) == ({"money"}, module.BEAT_S)
    assert changes.spread_s(viewer) <= module.MOST_SPREAD_S
