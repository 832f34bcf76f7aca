"""Unspent allocations that have outlived their business's rule go back, after everybody was told
for as long as the rule says; nothing else does."""

import asyncio
import random
from uuid import UUID

import pytest

from payviox.allocations import service as allocations
from payviox.db.pool import Database
from payviox.errors import InsufficientBalance
from payviox.unclaimed import expiry
from payviox.unclaimed.expiry import expire_balances
from payviox.withdrawals.model import Order
from support.ageing import age, announced, look
from support.businesses import TestBusiness
from support.databases import Urls
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

ADA = "ada@example.com"


@pytest.fixture
async def lifetime(business: TestBusiness) -> TestBusiness:
    """A business whose allocations live for 30 days, which is announced 10 days before."""
    await business.set(balance_lifetime_days=30, expiry_notice_days=10)
    return business


async def run_out(database: Database, urls: Urls, business: TestBusiness) -> int:
    """What is old enough is announced, the notice runs out, and it expires."""
    await look(database, business)
    age(urls, business, 10)
    return await expire_balances(database)


async def acts(business: TestBusiness) -> list[dict[str, int]]:
    details: list[dict[str, int]] = await business.scalar(
        "SELECT coalesce(jsonb_agg(detail ORDER BY id), '[]') FROM audit_entries"
        " WHERE business_id = %s AND act = 'balance.expire' AND actor = 'worker'",
        business.business_id,
    )
    return details


async def test_old_unspent_money_goes_back_and_newer_money_stays(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    await lifetime.create(ADA, 700)
    age(urls, lifetime, 31)
    await lifetime.create(ADA, 300)
    before = await lifetime.ledger()
    assert await run_out(database, urls, lifetime) == 700
    after = await lifetime.ledger()
    assert after[ADA] == 300
    assert after["payout"] == before["payout"] + 700
    assert await acts(lifetime) == [{"payout_users": 1, "amount": 700}]
    assert await expire_balances(database) == 0


async def test_nothing_expires_that_was_not_announced_for_the_whole_notice(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    user_id = await Desk.of(lifetime).user(700)
    age(urls, lifetime, 3_000)
    assert await expire_balances(database) == 0
    await look(database, lifetime)
    assert await announced(database, lifetime, user_id) == 700
    age(urls, lifetime, 9)
    assert await expire_balances(database) == 0
    age(urls, lifetime, 1)
    assert await expire_balances(database) == 700


async def test_what_will_be_too_old_at_the_end_of_the_notice_is_announced_and_nothing_younger(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    user_id = await Desk.of(lifetime).user(700)
    age(urls, lifetime, 19)
    await look(database, lifetime)
    assert await announced(database, lifetime, user_id) is None
    age(urls, lifetime, 1)
    await look(database, lifetime)
    assert await announced(database, lifetime, user_id) == 700
    await lifetime.create(ADA, 50)
    age(urls, lifetime, 10)
    assert await expire_balances(database) == 700
    assert (await lifetime.ledger())[ADA] == 50


async def test_money_that_comes_during_a_notice_longer_than_the_lifetime_has_a_notice_of_its_own(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    await lifetime.set(balance_lifetime_days=1)
    await lifetime.create(ADA, 700)
    await look(database, lifetime)
    age(urls, lifetime, 5)
    await lifetime.create(ADA, 50)
    age(urls, lifetime, 5)
    assert await expire_balances(database) == 700
    assert (await lifetime.ledger())[ADA] == 50
    assert await run_out(database, urls, lifetime) == 50


async def spend(desk: Desk, user_id: UUID, amount: int) -> Order:
    order = await desk.withdraw(user_id, amount)
    await desk.process()
    await desk.hurry(order)
    await desk.process()
    order = await desk.get(order)
    assert order.status == "succeeded"
    return order


async def test_what_was_spent_is_taken_from_the_oldest_money_first(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(lifetime)
    user_id = await desk.user(1_000)
    age(urls, lifetime, 31)
    await desk.user(500)
    await spend(desk, user_id, 800)
    assert await run_out(database, urls, lifetime) == 200
    assert (await lifetime.ledger())[ADA] == 500


async def test_nothing_is_announced_or_expires_while_an_order_is_open(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(lifetime)
    user_id = await desk.user(1_000)
    age(urls, lifetime, 31)
    order = await desk.withdraw(user_id, 400)
    await look(database, lifetime)
    assert await announced(database, lifetime, user_id) is None
    await desk.cancel(order)
    await look(database, lifetime)
    assert await announced(database, lifetime, user_id) == 1_000
    order = await desk.withdraw(user_id, 400)
    age(urls, lifetime, 10)
    before = await lifetime.ledger()
    assert await expire_balances(database) == 0
    assert await lifetime.ledger() == before
    await desk.cancel(order)
    assert await run_out(database, urls, lifetime) == 1_000
    assert (await lifetime.ledger())[ADA] == 0


async def test_whoever_tried_to_take_it_in_vain_is_told_anew(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(lifetime)
    user_id = await desk.user(1_000)
    age(urls, lifetime, 31)
    await look(database, lifetime)
    age(urls, lifetime, 9)
    await desk.cancel(await desk.withdraw(user_id, 1_000))
    age(urls, lifetime, 1)
    assert await expire_balances(database) == 0
    await look(database, lifetime)
    age(urls, lifetime, 9)
    assert await expire_balances(database) == 0
    age(urls, lifetime, 1)
    assert await expire_balances(database) == 1_000


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ({"balance_lifetime_days": 31}, 0),
        ({"balance_lifetime_days": 1}, 0),
        ({"expiry_notice_days": 9}, 0),
        ({"balance_lifetime_days": None}, 700),
    ],
)
async def test_another_rule_takes_back_what_was_announced_and_everybody_is_told_again(
    lifetime: TestBusiness,
    database: Database,
    urls: Urls,
    rules: dict[str, int | None],
    left: int,
) -> None:
    await lifetime.create(ADA, 700)
    age(urls, lifetime, 60)
    await look(database, lifetime)
    age(urls, lifetime, 10)
    before = await lifetime.ledger()
    await lifetime.set(**rules)
    assert await expire_balances(database) == 0
    await look(database, lifetime)
    age(urls, lifetime, 8)
    assert await expire_balances(database) == 0
    assert await lifetime.ledger() == before
    age(urls, lifetime, 2)
    await expire_balances(database)
    assert (await lifetime.ledger())[ADA] == left


async def test_the_same_rule_once_more_takes_nothing_back(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    user_id = await Desk.of(lifetime).user(700)
    age(urls, lifetime, 31)
    await look(database, lifetime)
    await lifetime.set(balance_lifetime_days=30)
    assert await announced(database, lifetime, user_id) == 700


async def test_money_of_somebody_who_is_not_let_in_stays(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    user_id = await Desk.of(lifetime).user(700)
    age(urls, lifetime, 31)
    await look(database, lifetime)
    await database.write(allocations.set_status, lifetime.business_id, user_id, "inactive", "test")
    assert await run_out(database, urls, lifetime) == 0
    assert (await lifetime.ledger())[ADA] == 700


async def test_without_the_rule_nothing_expires(
    business: TestBusiness, database: Database, urls: Urls
) -> None:
    await business.create(ADA, 700)
    age(urls, business, 3_000)
    before = await business.ledger()
    await run_out(database, urls, business)
    assert await business.ledger() == before


async def test_expiry_in_groups_beside_allocations_and_a_second_run_moves_each_cent_once(
    lifetime: TestBusiness,
    database: Database,
    urls: Urls,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(expiry, "GROUP", 3)
    for number in range(10):
        await lifetime.create(f"user{number}@example.com", 100)
    age(urls, lifetime, 31)
    await look(database, lifetime)
    age(urls, lifetime, 10)
    news = [lifetime.create(f"user{number}@example.com", 11) for number in range(10)]
    answers = await asyncio.gather(expire_balances(database), expire_balances(database), *news)
    assert answers[0] + answers[1] == 1_000  # type: ignore[operator]  # two counts
    after = await lifetime.ledger()
    assert [after[f"user{number}@example.com"] for number in range(10)] == [11] * 10
    assert sum(detail["amount"] for detail in await acts(lifetime)) == 1_000


async def test_broken_off_nothing_has_moved_and_the_next_run_moves_it_once(
    lifetime: TestBusiness, database: Database, urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    await lifetime.create(ADA, 700)
    age(urls, lifetime, 31)
    await look(database, lifetime)
    age(urls, lifetime, 10)
    before = await lifetime.ledger()

    async def lost(*_: object) -> None:
        raise RuntimeError("the worker is killed")

    with monkeypatch.context() as patched:
        patched.setattr(expiry.audit, "record", lost)
        with pytest.raises(RuntimeError):
            await expire_balances(database)
    assert await lifetime.ledger() == before
    assert await expire_balances(database) == 700


async def test_a_withdrawal_and_the_expiry_of_the_same_money_are_never_both(
    lifetime: TestBusiness, database: Database, urls: Urls
) -> None:
    desk = Desk.of(lifetime)
    people = [f"user{number}@example.com" for number in range(12)]
    users = [await desk.user(1_000, email) for email in people]
    age(urls, lifetime, 31)
    await look(database, lifetime)
    age(urls, lifetime, 10)

    async def withdraw(user_id: UUID) -> bool:
        try:
            await desk.withdraw(user_id, 1_000)
        except InsufficientBalance:
            return False
        return True

    taken = await asyncio.gather(
        *(withdraw(user_id) for user_id in users[:6]),
        expire_balances(database),
        *(withdraw(user_id) for user_id in users[6:]),
        expire_balances(database),
    )
    expired = taken.pop(13) + taken.pop(6)
    after = await lifetime.ledger()
    assert expired == 1_000 * taken.count(False)
    assert after["in_transit:sandbox"] == 1_000 * taken.count(True)
    assert all(after[email] == 0 for email in people)


class Model:
    """Days and pieces of money, as the rules say them: lifetime 5 days, notice 2."""

    def __init__(self) -> None:
        self.day = 0
        self.pieces: list[list[int]] = []
        self.notice: int | None = None
        self.came_back = False

    @property
    def balance(self) -> int:
        return sum(amount for _, amount in self.pieces)

    def spend(self, amount: int) -> None:
        for piece in self.pieces:
            used = min(piece[1], amount)
            piece[1] -= used
            amount -= used
        self.pieces = [piece for piece in self.pieces if piece[1]]

    def expire(self) -> int:
        """The notice runs out, then the next is given."""
        gone = 0
        if self.notice is not None and self.notice + 2 <= self.day:
            if not self.came_back:
                gone = sum(amount for day, amount in self.pieces if day <= self.notice - 3)
                self.spend(gone)
            self.notice = None
        if self.notice is None and any(day <= self.day - 3 for day, _ in self.pieces):
            self.notice, self.came_back = self.day, False
        return gone


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_just_what_the_rule_says_expires(
    lifetime: TestBusiness, database: Database, urls: Urls, seed: int
) -> None:
    await lifetime.set(balance_lifetime_days=5, expiry_notice_days=2)
    chance, model, desk = random.Random(seed), Model(), Desk.of(lifetime)
    user_id = await desk.user(100)
    model.pieces.append([0, 100])
    for _ in range(30):
        match chance.choice(["allocate", "take", "try", "wait", "wait"]):
            case "allocate":
                amount = chance.randint(1, 500)
                await desk.user(amount)
                model.pieces.append([model.day, amount])
            case "take" if model.balance:
                amount = chance.randint(1, model.balance)
                await database.write(
                    allocations.revoke, lifetime.business_id, user_id, amount, "test"
                )
                model.spend(amount)
            case "try" if model.balance:
                amount = chance.randint(1, model.balance)
                await desk.cancel(await desk.withdraw(user_id, amount))
                model.came_back = True
            case _:
                age(urls, lifetime, 1)
                model.day += 1
                assert await expire_balances(database) == model.expire()
                await look(database, lifetime)
        assert (await lifetime.ledger())[ADA] == model.balance
