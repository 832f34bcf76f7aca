"""An account is replaced while orders are being made and claimed: none is sent by one account and
then by another that never heard of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from conftest import MakeBusiness
from payviox.db.pool import Connection
from payviox.errors import Conflict
from payviox.keyring import Keyring
from payviox.rail_accounts import service
from payviox.rail_accounts.model import Changes
from payviox.rails.protocol import Named
from payviox.withdrawals.sending import callbacks, claims
from support import lock_waits
from support.accounts import SECRETS, SETTINGS, connect
from support.businesses import TestBusiness
from support.polling import eventually
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

KEYRING = Keyring("the key that these accounts are sealed with")
Replacing = Callable[[Connection], Awaitable[object]]


@pytest.fixture
async def vendor(business: TestBusiness) -> Vendor:
    """In PayPal's place; the business has an account there."""
    await connect(business.database, KEYRING, business.business_id, "paypal")
    made = Vendor()
    made.name = "paypal"
    return made


@pytest.fixture
def desk(business: TestBusiness, vendor: Vendor) -> Desk:
    return Desk.of(business, vendor.rails)


def changing(business: TestBusiness) -> Replacing:
    changes = Changes(settings={"client_id": "another"})
    return lambda db: service.change(db, business.business_id, "paypal", changes, "test")


def connecting(business: TestBusiness) -> Replacing:
    changes = Changes(settings={"client_id": "another"})
    at = business.business_id, "paypal", changes, SECRETS["paypal"], "test"
    return lambda db: service.connect(db, KEYRING, *at)  # type: ignore[arg-type]  # unpacked


def disconnecting(business: TestBusiness) -> Replacing:
    return lambda db: service.disconnect(db, business.business_id, "paypal", "test")


REPLACING = pytest.mark.parametrize("replacing", [changing, connecting, disconnecting])


@asynccontextmanager
async def uncommitted(business: TestBusiness, work: Replacing) -> AsyncIterator[None]:
    """The work is done within the block, and committed after it."""
    done, leave = asyncio.Event(), asyncio.Event()

    async def hold(connection: Connection) -> None:
        await work(connection)
        done.set()
        await leave.wait()

    task = asyncio.create_task(business.database.write(hold))
    waiting = asyncio.create_task(done.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    assert done.is_set(), task.exception()
    try:
        yield
    finally:
        leave.set()
        await task


@REPLACING
async def test_an_order_that_is_made_while_its_account_is_replaced_is_sent_by_the_new_one(
    business: TestBusiness, desk: Desk, vendor: Vendor, replacing: Any
) -> None:
    user = await desk.user(2_000)
    async with uncommitted(business, replacing(business)):
        order = await desk.withdraw(user, 1_000)
        assert await desk.process() == 0
        assert (vendor.submitted, (await desk.get(order)).status) == ([], "queued")
    await desk.process()
    assert (await desk.get(order)).status == "succeeded"
    assert len(vendor.submitted) == 1


@REPLACING
async def test_an_account_is_not_replaced_while_an_order_is_being_claimed_for_it(
    business: TestBusiness, desk: Desk, replacing: Any
) -> None:
    await desk.withdraw(await desk.user(1_000), 1_000)
    taking: Replacing = lambda db: claims.take(  # noqa: E731  # typed here, as an argument it is not
        db, business.business_id, desk.rails, lambda _: 10
    )
    async with uncommitted(business, taking):
        replaced = asyncio.create_task(business.database.write(replacing(business)))
        await eventually(lambda: waits_for_a_claim(business))
        assert not replaced.done()
    with pytest.raises(Conflict, match="1 order is under way"):
        await replaced


async def waits_for_a_claim(business: TestBusiness) -> bool:
    return bool(
        await business.scalar(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
    )


async def test_other_rails_and_other_businesses_go_on_while_an_account_is_replaced(
    make_business: MakeBusiness, business: TestBusiness, desk: Desk, vendor: Vendor
) -> None:
    other = Desk.of(await make_business(funds=1_000, main=1_000), vendor.rails)
    order = await other.withdraw(await other.user(1_000), 1_000)
    evm: Replacing = lambda db: service.connect(  # noqa: E731  # as above
        db,
        KEYRING,
        business.business_id,
        "evm",
        Changes(settings=SETTINGS["evm"]),
        SECRETS["evm"],
        "test",
    )
    ours = await desk.withdraw(await desk.user(1_000), 1_000)
    async with uncommitted(business, evm):
        await desk.process()
        assert (await desk.get(ours)).status == "succeeded"
    async with uncommitted(business, changing(business)):
        await other.process()
        assert (await other.get(order)).status == "succeeded"


async def test_a_new_account_does_not_take_over_orders_whose_account_was_lost(
    business: TestBusiness, desk: Desk, vendor: Vendor
) -> None:
    vendor.plan = ["lost"]
    await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    lost = "DELETE FROM rail_accounts WHERE business_id = %s"
    await desk.write(lambda db: db.execute(lost, [business.business_id]))
    with pytest.raises(Conflict, match="1 order is under way"):
        await connect(business.database, KEYRING, business.business_id, "paypal")


async def test_an_account_is_not_replaced_while_a_callback_says_that_an_attempt_arrived(
    business: TestBusiness, desk: Desk, vendor: Vendor
) -> None:
    """The attempt that was surely not sent comes into doubt while the replacing waits for it."""
    vendor.plan = ["empty"]
    order = await desk.withdraw(await desk.user(1_000), 1_000)
    await desk.process()
    (attempt,) = await desk.attempts(order)
    assert attempt.outcome == "not_sent"
    replacing: asyncio.Task[object] | None = None

    async def heed(db: Connection) -> None:
        nonlocal replacing
        await callbacks.heed(db, business.business_id, "paypal", [Named(attempt.reference)])
        replacing = asyncio.create_task(business.database.write(changing(business)))
        await eventually(lambda: waits_for_an_order(business))

    await business.database.write(heed)
    assert replacing is not None
    with pytest.raises(Conflict):
        await replacing
    (attempt,) = await desk.attempts(order)
    assert attempt.outcome == "not_found"


async def waits_for_an_order(business: TestBusiness) -> bool:
    waiting = await business.database.fetch(lock_waits.waiting)
    return any(query.startswith("SELECT id FROM orders") for query in waiting.values())
