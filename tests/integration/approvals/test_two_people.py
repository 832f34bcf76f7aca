"""Over the threshold two different people sign exactly the same, admins too; nobody else's word
counts, and nothing moves before."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import actors, ids
from payviox.access import members
from payviox.actors import Actor
from payviox.agreements import service as agreements
from payviox.allocations import service as allocations
from payviox.approvals import service as approvals
from payviox.approvals.service import Refused, Started, WaitingAct
from payviox.auth import operators
from payviox.businesses import service as businesses
from payviox.db.pool import Database
from payviox.errors import Conflict, Forbidden, NotFound
from payviox.ledger import suspense
from payviox.reconciliation import resolve as resolving
from payviox.rights.roles import Role
from payviox.treasury import service as treasury
from payviox.withdrawals import manual_settlement
from payviox.withdrawals import service as withdrawals
from payviox.withdrawals.model import Order
from support.businesses import TestBusiness
from support.dashboard import make_operator
from support.databases import Urls
from support.vendor import Vendor
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(business: TestBusiness) -> Desk:
    await business.set(review_amount=2_000, second_person_amount=2_400)
    return Desk.of(business)


@pytest.fixture
async def reviewed(desk: Desk) -> Order:
    return await desk.withdraw(await desk.user(9_000), 2_500)


async def person(business: TestBusiness, role: Role | None = "approver") -> Actor:
    """Somebody with this role, or an admin."""
    email = f"{uuid4().hex}@example.com"
    made = await make_operator(business.database, email, business, role, is_admin=role is None)
    return actors.operator(made)


async def approve(desk: Desk, order: Order, actor: Actor) -> Order:
    return await desk.write(lambda db: withdrawals.approve(db, order.business_id, order.id, actor))


async def move_back(business: TestBusiness, amount: int, actor: Actor) -> Any:
    return await business.database.write(treasury.defund, business.business_id, amount, actor)


async def agree(business: TestBusiness, waiting: WaitingAct, actor: Actor) -> WaitingAct:
    return await business.database.write(
        agreements.approve, business.business_id, waiting.id, actor
    )


async def test_an_order_goes_when_two_different_people_have_signed_it(
    desk: Desk, reviewed: Order
) -> None:
    admin, approver = await person(desk.business, None), await person(desk.business)
    assert (await approve(desk, reviewed, admin)).status == "review"
    with pytest.raises(Refused):
        await approve(desk, reviewed, admin)
    assert (await desk.get(reviewed)).status == "review"
    assert (await approve(desk, reviewed, approver)).status == "queued"


async def test_under_the_threshold_and_without_one_a_person_alone_decides(desk: Desk) -> None:
    user, approver = await desk.user(9_000), await person(desk.business)
    small = await desk.withdraw(user, 2_400)
    assert (await approve(desk, small, approver)).status == "queued"
    await desk.business.set(second_person_amount=None)
    large = await desk.withdraw(user, 2_500)
    assert (await approve(desk, large, approver)).status == "queued"


async def test_a_secret_key_is_no_person_and_decides_as_its_business_lets_it(
    desk: Desk, reviewed: Order
) -> None:
    assert (await approve(desk, reviewed, actors.key("abcd"))).status == "queued"


async def test_a_command_that_names_nobody_is_refused_over_the_threshold(
    desk: Desk, reviewed: Order
) -> None:
    await person(desk.business)
    with pytest.raises(Conflict, match="--operator EMAIL"):
        await approve(desk, reviewed, actors.command())
    assert (await desk.get(reviewed)).status == "review"


async def test_a_signature_is_for_what_was_shown_alone(
    desk: Desk, reviewed: Order, urls: Urls
) -> None:
    first, second = await person(desk.business), await person(desk.business)
    await approve(desk, reviewed, first)
    desk.business.tampered = True
    with urls.as_admin() as admin:
        admin.execute(
            """UPDATE orders SET destination = '{"email": "mallory@example.com"}' WHERE id = %s""",
            [reviewed.id],
        )
    assert (await approve(desk, reviewed, second)).status == "review"
    assert (await approve(desk, reviewed, first)).status == "queued"


async def test_who_lost_the_right_does_not_count_any_more(desk: Desk, reviewed: Order) -> None:
    business = desk.business
    email = f"{uuid4().hex}@example.com"
    left = actors.operator(await make_operator(desk.database, email, business, "approver"))
    await approve(desk, reviewed, left)
    await desk.database.write(members.join, email, business.business_id, "viewer", "test")
    second, third = await person(business), await person(business)
    assert (await approve(desk, reviewed, second)).status == "review"
    assert (await approve(desk, reviewed, third)).status == "queued"


@pytest.mark.parametrize("way", ["role", "removed", "disabled"])
async def test_who_lost_the_right_and_has_it_again_has_to_sign_anew(
    desk: Desk, reviewed: Order, way: str
) -> None:
    business, email = desk.business, f"{uuid4().hex}@example.com"
    made = await make_operator(desk.database, email, business, "approver")
    back = actors.operator(made)
    await approve(desk, reviewed, back)
    join, write = members.join, desk.database.write
    if way == "disabled":
        await write(operators.disable, email, "test")
        await write(operators.enable, email, "test")
    else:
        if way == "role":
            await write(join, email, business.business_id, "viewer", "test")
        else:
            await make_operator(desk.database, f"{uuid4().hex}@example.com", business, "owner")
            await write(members.remove, business.business_id, made, "test")
        await write(join, email, business.business_id, "approver", "test")
    second = await person(business)
    assert (await approve(desk, reviewed, second)).status == "review"
    assert (await approve(desk, reviewed, back)).status == "queued"


async def test_of_two_who_sign_at_once_the_later_lets_it_go(desk: Desk, reviewed: Order) -> None:
    people = [await person(desk.business) for _ in range(2)]
    orders = await asyncio.gather(*(approve(desk, reviewed, each) for each in people))
    assert sorted(order.status for order in orders) == ["queued", "review"]
    assert (await desk.get(reviewed)).status == "queued"


async def test_nobody_approves_the_order_of_whom_they_paid(
    desk: Desk, database: Database, reviewed: Order, urls: Urls
) -> None:
    payer, other, third = [await person(desk.business) for _ in range(3)]
    desk.business.tampered = True
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE transfers SET actor = %s WHERE kind = 'allocation' AND to_account = %s",
            [payer, reviewed.payout_user_id],
        )
    with pytest.raises(Refused, match="You allocated"):
        await approve(desk, reviewed, payer)
    await approve(desk, reviewed, other)
    with pytest.raises(Refused):
        await approve(desk, reviewed, payer)
    assert (await approve(desk, reviewed, third)).status == "queued"


async def test_a_persons_word_on_an_unknown_order_needs_a_second_who_says_the_same(
    business: TestBusiness,
) -> None:
    vendor = Vendor()
    desk = Desk.of(business, vendor.rails)
    await business.set(second_person_amount=400)
    order = await desk.withdraw(await desk.user(5_000), 500)
    vendor.plan = ["lost"]
    await desk.process()
    await desk.write(
        lambda db: db.execute(
            "UPDATE orders SET waiting = 'person', due_at = NULL WHERE id = %s", [order.id]
        )
    )

    async def settle(ended: Any, actor: Actor, reason: str = "seen") -> Order:
        return await desk.write(
            lambda db: manual_settlement.settle(
                db, order.business_id, order.id, ended, reason=reason, actor=actor
            )
        )

    first, second = await person(business, "finance"), await person(business, "finance")
    assert (await settle("failed", first)).status == "unknown"
    assert (await settle("succeeded", second)).status == "unknown"
    assert (await settle("failed", second, "for another reason")).status == "unknown"
    assert (await settle("failed", second)).status == "failed"
    assert (await business.ledger())["ada@example.com"] == 5_000


async def test_money_is_moved_back_by_the_second_person_once(business: TestBusiness) -> None:
    await business.set(second_person_amount=100)
    first, second = await person(business, "finance"), await person(business, None)
    before = await business.ledger()
    waiting = await move_back(business, 101, first)
    assert isinstance(waiting, WaitingAct)
    assert await business.ledger() == before
    with pytest.raises(Refused):
        await agree(business, waiting, first)
    with pytest.raises(Forbidden):
        await agree(business, waiting, await person(business, "approver"))
    assert await business.ledger() == before
    await agree(business, waiting, second)
    after = await business.ledger()
    assert after["main"] - before["main"] == 101
    with pytest.raises(Conflict, match="done already"):
        await agree(business, waiting, await person(business, "owner"))
    assert await business.ledger() == after


async def test_what_was_canceled_is_not_approved(business: TestBusiness) -> None:
    await business.set(second_person_amount=100)
    first, second = await person(business, "finance"), await person(business, "finance")
    waiting = await move_back(business, 101, first)
    ended = business.database.write(approvals.cancel, business.business_id, waiting.id, first)
    assert (await ended).id == waiting.id
    with pytest.raises(Conflict, match="canceled already"):
        await agree(business, waiting, second)
    with pytest.raises(NotFound):
        await business.database.write(agreements.approve, business.business_id, uuid4(), second)


async def test_what_the_balance_no_longer_holds_stays_waiting(business: TestBusiness) -> None:
    await business.set(second_person_amount=100)
    first, second = await person(business, "finance"), await person(business, "finance")
    held = (await business.ledger())["payout"]
    waiting = await move_back(business, held, first)
    await move_back(business, 1, actors.key("abcd"))
    with pytest.raises(Exception, match="Insufficient"):
        await agree(business, waiting, second)
    await business.database.write(treasury.fund, business.business_id, 1, actors.key("abcd"))
    assert (await agree(business, waiting, second)).id == waiting.id


async def test_another_threshold_needs_a_second_person_where_there_is_one(
    business: TestBusiness,
) -> None:
    owner, other = await person(business, "owner"), await person(business, "owner")

    async def change(actor: Actor, **rules: Any) -> WaitingAct | None:
        return await business.database.write(treasury.set_rules, business.business_id, rules, actor)

    async def threshold() -> object:
        return await business.scalar(
            "SELECT second_person_amount FROM businesses WHERE id = %s", business.business_id
        )

    assert await change(owner, second_person_amount=100) is None
    waiting = await change(owner, second_person_amount=None, low_stock=9)
    assert waiting is not None
    assert await threshold() == 100
    low = await business.scalar(
        "SELECT low_stock FROM businesses WHERE id = %s", business.business_id
    )
    assert low == 9
    await agree(business, waiting, other)
    assert await threshold() is None


async def test_nobody_switches_reviews_and_mailed_codes_off_alone_where_two_people_have_to_agree(
    business: TestBusiness,
) -> None:
    await business.set(second_person_amount=100, review_amount=50, code_first=True)
    owner, other = await person(business, "owner"), await person(business, None)
    off = {
        "review_amount": None,
        "review_rails": ["paypal"],
        "review_first_use": True,
        "code_first": False,
    }

    async def change(**rules: Any) -> WaitingAct | None:
        return await business.database.write(treasury.set_rules, business.business_id, rules, owner)

    async def rules() -> Any:
        found = await business.database.fetch(businesses.get, business.business_id)
        return {name: getattr(found, name) for name in off}

    before = await rules()
    waiting = await change(**off, low_stock=9)
    assert waiting is not None
    assert await rules() == before
    assert await change(**before) is None, "what is as it was needs nobody"
    await agree(business, waiting, other)
    assert await rules() == off
    await business.set(second_person_amount=None)
    assert await change(review_amount=7) is None


async def test_a_subject_of_another_room_is_signed_by_who_started_it_and_one_more(
    business: TestBusiness,
) -> None:
    await business.set(second_person_amount=100)
    uploader, other = await person(business, "finance"), await person(business, "finance")
    started = Started(UUID(uploader.partition("op_")[2]), datetime.now(UTC))
    subject, digest = ids.new(), approvals.digest_of("sha256", 5, 900)

    async def sign(actor: Actor, shown: bytes = digest) -> bool:
        return await business.database.write(
            lambda db: approvals.sign(
                db,
                business.business_id,
                actor,
                "allocation.create",
                subject,
                shown,
                900,
                started=started,
            )
        )

    assert not await sign(uploader)
    with pytest.raises(Refused):
        await sign(uploader)
    assert await sign(other)


async def deposit(business: TestBusiness, actor: Actor) -> Any:
    return await business.database.write(
        treasury.deposit, business.business_id, 150, "bank-7", actor
    )


async def fund(business: TestBusiness, actor: Actor) -> Any:
    return await business.database.write(treasury.fund, business.business_id, 150, actor)


async def revoke(business: TestBusiness, actor: Actor) -> Any:
    user = await business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s", business.business_id
    )
    return await business.database.write(allocations.revoke, business.business_id, user, 150, actor)


async def absorb(business: TestBusiness, actor: Actor) -> Any:
    (item,) = await business.database.fetch(
        lambda db: resolving.list_page(db, business.business_id, limit=5)
    )
    return await business.database.write(
        lambda db: resolving.resolve(
            db, business.business_id, item.id, "absorbed", reason="case 7", actor=actor
        )
    )


@pytest.mark.parametrize(
    ("start", "account", "cents"),
    [
        (deposit, "main", 150),
        (fund, "payout", 150),
        (revoke, "payout", 150),
        (absorb, "main", -150),
    ],
)
async def test_money_that_somebody_moves_waits_over_the_threshold_and_moves_once(
    business: TestBusiness, start: Any, account: str, cents: int
) -> None:
    await Desk.of(business).user(500)
    item = suspense.NewItem("sandbox", "unknown_payment", "PP-1", None, 150, {})
    await business.database.write(
        lambda db: suspense.change(db, business.business_id, opening=[item], reason="found")
    )
    await business.database.write(
        treasury.deposit, business.business_id, 1_000, "opening-2", actors.key("abcd")
    )
    first, second = await person(business, "finance"), await person(business, "finance")
    await business.set(second_person_amount=150)
    before = await business.ledger()
    await business.set(second_person_amount=149)
    waiting = await start(business, first)
    assert isinstance(waiting, WaitingAct)
    assert await business.ledger() == before
    with pytest.raises(Refused):
        await agree(business, waiting, first)
    await agree(business, waiting, second)
    after = await business.ledger()
    assert after[account] - before[account] == cents
    with pytest.raises(Conflict, match="done already"):
        await agree(business, waiting, await person(business, "owner"))
    await business.set(second_person_amount=150)
    if start in (fund, revoke):
        assert not isinstance(await start(business, first), WaitingAct)


async def test_what_was_booked_or_resolved_meanwhile_is_not_booked_again(
    business: TestBusiness,
) -> None:
    item = suspense.NewItem("sandbox", "unknown_payment", "PP-1", None, 150, {})
    await business.database.write(
        lambda db: suspense.change(db, business.business_id, opening=[item], reason="found")
    )
    await business.set(second_person_amount=100)
    first, second = await person(business, "finance"), await person(business, "finance")
    waiting = [await deposit(business, first), await absorb(business, first)]
    for start in (deposit, absorb):
        await start(business, actors.key("abcd"))
    before = await business.ledger()
    for each in waiting:
        with pytest.raises(Conflict, match="already"):
            await agree(business, each, second)
    assert await business.ledger() == before
    again = await deposit(business, first)
    assert again.already_booked
