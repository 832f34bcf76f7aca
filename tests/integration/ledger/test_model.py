"""The ledger against a simple model, a dictionary of balances: after every step both say the same,
and after every run the whole ledger is verified."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, get_args
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from payviox import ids
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict, InsufficientBalance
from payviox.ledger import model, suspense
from payviox.ledger import service as ledger
from payviox.ledger.model import (
    FEE_INCOME,
    MAIN,
    MAY_BE_NEGATIVE,
    PAYOUT,
    WORLD,
    AccountName,
    InsufficientFunds,
    Posting,
    TransferKind,
)
from payviox.ledger.verify import verify
from payviox.treasury import service as treasury
from support import books
from support.businesses import TestBusiness, open_business
from support.databases import Urls
from support.ledger import snapshot

AMOUNTS = st.one_of(st.integers(1, 500), st.sampled_from([10**9, 10**12]))
TRANSIT, SETTLED = model.in_transit(books.RAIL), model.settled(books.RAIL)
SUSPENSE, COST = model.suspense(books.RAIL), model.rail_cost(books.RAIL)
ADJUSTABLE = st.sampled_from(
    [(WORLD, COST), (COST, MAIN), (PAYOUT, FEE_INCOME), (FEE_INCOME, PAYOUT), (MAIN, COST)]
)
SIGNED = st.one_of(st.integers(-500, 500), st.sampled_from([10**12, -(10**12)]))

Work = Callable[[Connection], Awaitable[object]]


class Ledger(RuleBasedStateMachine):
    """One business. `database` and `runner` are set by the test."""

    database: Database
    runner: asyncio.Runner
    users = Bundle("users")

    @initialize()
    def open_business(self) -> None:
        self.business: TestBusiness = self.runner.run(open_business(self.database))
        self.balances: Counter[AccountName] = Counter()
        self.deposits: dict[str, int] = {}
        self.withdrawn: dict[str, int] = {}
        self.orders: list[tuple[AccountName, int]] = []
        self.items: list[suspense.Item] = []

    @rule(target=users)
    def open_user(self) -> AccountName:
        user_id = self.runner.run(books.open_user(self.database, self.business.business_id))
        return model.user(user_id)

    @rule(amount=AMOUNTS, reference=st.sampled_from("abc"))
    def deposit(self, amount: int, reference: str) -> None:
        known = self.deposits.get(reference)
        if known not in (None, amount):
            with pytest.raises(Conflict):
                self._treasury(treasury.deposit, amount, reference)
            return
        self._treasury(treasury.deposit, amount, reference)
        if known is None:
            self.deposits[reference] = amount
            self._moved(amount, WORLD, MAIN)

    @rule(amount=AMOUNTS, reference=st.sampled_from("abc"))
    def withdraw_funds(self, amount: int, reference: str) -> None:
        def withdraw(
            connection: Connection, business_id: UUID, amount: int, actor: str
        ) -> Awaitable[object]:
            return treasury.withdraw_funds(
                connection, business_id, amount, reference, reason="model", actor=actor
            )

        known = self.withdrawn.get(reference)
        if known not in (None, amount):
            with pytest.raises(Conflict):
                self._treasury(withdraw, amount)
        elif known is None and self.balances[MAIN] < amount:
            with pytest.raises(InsufficientBalance):
                self._treasury(withdraw, amount)
        else:
            self._treasury(withdraw, amount)
            if known is None:
                self.withdrawn[reference] = amount
                self._moved(amount, MAIN, WORLD)

    @rule(amount=AMOUNTS, back=st.booleans())
    def fund_or_defund(self, amount: int, back: bool) -> None:
        source, target = (PAYOUT, MAIN) if back else (MAIN, PAYOUT)
        move = treasury.defund if back else treasury.fund
        if self.balances[source] < amount:
            with pytest.raises(InsufficientBalance):
                self._treasury(move, amount)
            return
        self._treasury(move, amount)
        self._moved(amount, source, target)

    @rule(user=users, amount=AMOUNTS)
    def allocate(self, user: AccountName, amount: int) -> None:
        self._post([("allocation", amount, PAYOUT, user)])

    @rule(user=users, amount=AMOUNTS, kind=st.sampled_from(["revocation", "expiry"]))
    def revoke(self, user: AccountName, amount: int, kind: TransferKind) -> None:
        self._post([(kind, amount, user, PAYOUT)])

    @rule(accounts=ADJUSTABLE, amount=AMOUNTS)
    def adjust(self, accounts: tuple[AccountName, AccountName], amount: int) -> None:
        self._post([("adjustment", amount, *accounts)])

    @rule(amount=SIGNED, cause=st.sampled_from(["unknown_payment", "not_paid", "cost_differs"]))
    def open_item(self, amount: int, cause: suspense.Cause) -> None:
        told = COST if cause == "cost_differs" else SETTLED
        new = suspense.NewItem(books.RAIL, cause, str(ids.new()), None, amount, {})
        if self.balances[told] + amount < 0:
            with pytest.raises(InsufficientFunds):
                self._write(lambda db: self._change(db, opening=[new]))
            return
        self._write(lambda db: self._change(db, opening=[new]))
        self.items += self.opened
        self._moved(amount, SUSPENSE, told)

    @precondition(lambda self: self.items)
    @rule(user=users, how=st.sampled_from(get_args(suspense.Resolution)), again=st.booleans())
    def resolve_item(self, user: AccountName, how: suspense.Resolution, again: bool) -> None:
        item = self.items[0]
        told = COST if item.cause == "cost_differs" else SETTLED
        bearer = {"explained": told, "absorbed": MAIN, "charged": user, "written_off": WORLD}[how]
        work: Work = lambda db: suspense.resolve(  # noqa: E731  # a function for two places
            db, item, how, user_id=user.user_id, reason="why", actor="test"
        )
        if how == "explained" and again:  # as a comparison does it
            work = lambda db: self._change(db, closing=[item])  # noqa: E731  # as above
        if self.balances[bearer] < item.amount and bearer != WORLD:
            with pytest.raises(InsufficientFunds):
                self._write(work)
            return
        self._write(work)
        self.items.pop(0)
        self._moved(item.amount, bearer, SUSPENSE)

    async def _change(self, db: Connection, **what: Any) -> None:
        made = await suspense.change(db, self.business.business_id, **what, reason="why")
        self.opened = made

    @rule(one=users, other=users, amounts=st.lists(AMOUNTS, min_size=2, max_size=6))
    def allocate_several(self, one: AccountName, other: AccountName, amounts: list[int]) -> None:
        """All or none of them."""
        to = [one, other] * 3
        self._post([("allocation", a, PAYOUT, user) for a, user in zip(amounts, to, strict=False)])

    @rule(user=users, amount=st.integers(books.FEES + 1, 1_000))
    def order(self, user: AccountName, amount: int) -> None:
        if self.balances[user] >= amount:
            self._withdraw(user, amount, "queued")
        else:
            with pytest.raises(InsufficientFunds):
                self._withdraw(user, amount, "queued")

    @rule(
        user=users,
        amount=st.integers(books.FEES + 1, 1_000),
        status=st.sampled_from(["succeeded", "failed", "canceled", "returned"]),
    )
    def order_to_its_end(self, user: AccountName, amount: int, status: str) -> None:
        if self.balances[user] >= amount:
            self._withdraw(user, amount, status)

    @rule(user=users, amount=st.integers(1, 20))
    def allocate_and_revoke_at_once(self, user: AccountName, amount: int) -> None:
        """Five allocations and five revocations race: some serial order of them, none overdrawn."""
        if self.balances[PAYOUT] < 5 * amount:
            return
        kinds: list[tuple[TransferKind, AccountName, AccountName]] = [
            ("allocation", PAYOUT, user),
            ("revocation", user, PAYOUT),
        ]
        works = [self._posting([Posting(k, amount, s, t)]) for k, s, t in kinds * 5]

        async def race() -> list[object]:
            return await asyncio.gather(*map(self.database.write, works), return_exceptions=True)

        for number, outcome in enumerate(self.runner.run(race())):
            if isinstance(outcome, InsufficientFunds):
                assert number % 2, "only a revocation can lack money"
            else:
                assert not isinstance(outcome, BaseException), outcome
                self._moved(amount, *kinds[number % 2][1:])

    @invariant()
    def balances_are_the_models(self) -> None:
        if not hasattr(self, "business"):
            return
        found = self.runner.run(snapshot(self.database, self.business.business_id)).balances
        wanted = {_name(account): balance for account, balance in self.balances.items()}
        assert {n: b for n, b in found.items() if b} == {n: b for n, b in wanted.items() if b}
        assert sum(self.balances.values()) == 0

    def teardown(self) -> None:
        async def check() -> None:
            async with self.database.read() as connection:
                report = await verify(connection)
            assert report.ok, report.problems

        self.runner.run(check())

    def _treasury(self, move: Any, *arguments: object) -> None:
        self._write(lambda db: move(db, self.business.business_id, *arguments, actor="test"))

    def _posting(self, postings: Sequence[Posting]) -> Work:
        return lambda db: ledger.post(db, self.business.business_id, postings)

    def _write(self, work: Work) -> None:
        self.runner.run(self.database.write(work))

    def _post(self, moves: Sequence[tuple[TransferKind, int, AccountName, AccountName]]) -> None:
        """Make these postings, or be refused all of them where the model says so."""
        after = self.balances.copy()
        covered = True
        for _, amount, source, target in moves:
            after[source] -= amount
            after[target] += amount
            covered = covered and (after[source] >= 0 or source.kind in MAY_BE_NEGATIVE)
        work = self._posting([Posting(*move) for move in moves])
        if not covered:
            with pytest.raises(InsufficientFunds):
                self._write(work)
            return
        self._write(work)
        self.balances = after

    def _withdraw(self, user: AccountName, amount: int, status: str) -> None:
        assert user.user_id is not None
        self.runner.run(
            books.withdraw(self.database, self.business.business_id, user.user_id, amount, status)
        )
        for posting in books.order_postings(user, (TRANSIT, SETTLED), amount, status):
            self._moved(posting.amount, posting.source, posting.target)

    def _moved(self, amount: int, source: AccountName, target: AccountName) -> None:
        self.balances[source] -= amount
        self.balances[target] += amount


def _name(account: AccountName) -> str:
    if account.user_id is not None:
        return f"{account.user_id}@x.test"
    return f"{account.kind}:{account.rail}" if account.rail else account.kind


@pytest.fixture
def machine(urls: Urls) -> Iterator[type[Ledger]]:
    with asyncio.Runner() as runner:
        database = Database(urls.application)
        runner.run(database.open())
        yield type("Ledger", (Ledger,), {"database": database, "runner": runner})
        runner.run(database.close())


def test_the_ledger_does_what_the_model_says(machine: type[Ledger]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=25, deadline=None)
    )
