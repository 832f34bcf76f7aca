"""Which rail serves a business's request, within which limits."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox.businesses.model import Business
from payviox.errors import FieldErrors
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Provider, ReadyOrder
from payviox.rails.protocol import Account, Finding, GiftCard, RailError, RevealedCode
from payviox.withdrawals.routing import Rails, Route
from support.vendor import Vendor

pytestmark = pytest.mark.anyio

CARD = GiftCard("c_1", "Card", "Brand", "US", "USD", 500, 500)
CHAINS = {"chains": {"MAIN": ["USDT"]}}


class Counter(Vendor):
    """A rail at which businesses have accounts; it serves the chains that an account names."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.closed = 0
        self.away = False

    def serves(self, account: Account, provider: Provider, destination: Mapping[str, Any]) -> bool:
        chain = destination.get("chain")
        return chain is None or chain in account.settings.get("chains", ["MAIN"])

    def options(self, account: Account) -> Mapping[str, Any]:
        return {"chains": {name: ["USDC"] for name in account.settings.get("chains", [])}}

    async def check(self, account: Account) -> list[Finding]:
        return []

    async def close(self) -> None:
        self.closed += 1

    async def catalogue(self, business_id: UUID) -> Sequence[GiftCard]:
        if self.away:
            raise RailError("not just now")
        return [CARD]

    async def reveal(self, order: ReadyOrder) -> RevealedCode:
        return RevealedCode("code")


class Book(dict[str, Account]):
    """Accounts by the name of their rail."""

    async def find(self, business_id: UUID, rail: str) -> Account | None:
        return self.get(rail)

    find_to_route = find


def account(rail: str, **facts: Any) -> Account:
    plain = Account(uuid4(), rail, "sandbox", True, None, None, None, FeePolicy(), {}, {})
    return replace(plain, **facts)


def business(mode: str = "test", least: int = 100, most: int = 10_000) -> Business:
    return Business(
        id=uuid4(),
        organization_id=uuid4(),
        mode=mode,
        name="ACME",
        hash_code="01234567",
        payouts_enabled=True,
        withdrawals_enabled=True,
        review_amount=None,
        review_first_use=False,
        review_shared_users=None,
        review_velocity_orders=None,
        review_velocity_amount=None,
        review_rails=[],
        min_withdrawal=least,
        max_withdrawal=most,
        hash_lifetime_days=None,
        balance_lifetime_days=None,
        low_stock=0,
        suspense_alert_hours=24,
        second_person_amount=None,
        created_at=datetime.now(UTC),
    )


SANDBOX = Vendor()
COUNTER = Counter("counter")


def rails(book: Book | None = None) -> Rails:
    counter = Route("crypto", COUNTER, connected=True)
    return Rails(
        live=[counter], test=[counter, Route("crypto", SANDBOX, options=CHAINS)], accounts=book
    )


def whole(connected: Account) -> Rails:
    counter = Route("paypal", COUNTER, connected=True, whole=True, most_net=5_000)
    routes = [counter, Route("paypal", SANDBOX)]
    return Rails(live=[], test=routes, accounts=Book(counter=connected))


@pytest.mark.parametrize(
    "book",
    [
        None,
        Book(),
        Book(counter=account("counter", settings={"chains": ["OTHER"]})),
        Book(counter=account("counter", enabled=False, settings={"chains": ["OTHER"]})),
        Book(another=account("another")),
    ],
)
async def test_a_rail_without_an_account_that_serves_the_destination_is_passed_over(
    book: Book | None,
) -> None:
    assert await rails(book).serving(business(), "crypto", {"chain": "MAIN"}) is SANDBOX
    with pytest.raises(FieldErrors) as refused:
        await rails(book).serving(business("live"), "crypto", {"chain": "MAIN"})
    assert refused.value.fields == {"provider": ["The provider crypto is not available."]}


async def test_a_connected_account_comes_before_the_sandbox_for_what_it_serves() -> None:
    book = Book(counter=account("counter", settings={"chains": ["OTHER"]}))
    assert await rails(book).serving(business(), "crypto", {"chain": "OTHER"}) is COUNTER
    assert await rails(book).serving(business(), "crypto", {"chain": "MAIN"}) is SANDBOX


@pytest.mark.parametrize("mode", ["test", "live"])
async def test_a_disabled_account_keeps_its_destinations_from_the_sandbox(mode: str) -> None:
    book = Book(counter=account("counter", enabled=False, settings={"chains": ["OTHER", "MAIN"]}))
    with pytest.raises(FieldErrors) as refused:
        await rails(book).serving(business(mode), "crypto", {"chain": "OTHER"})
    assert refused.value.fields == {"provider": ["The provider crypto is not available."]}
    found = {m.provider: m for m in await rails(book).methods(business(mode))}
    assert not found["crypto"].enabled, "the sandbox's only chain is the account's"

    book["counter"] = account("counter", enabled=False, settings={"chains": ["OTHER"]})
    found = {m.provider: m for m in await rails(book).methods(business(mode))}
    assert found["crypto"].enabled == (mode == "test")
    assert found["crypto"].options == (CHAINS if mode == "test" else {})
    if mode == "test":
        assert await rails(book).serving(business(), "crypto", {}) is SANDBOX
    del book["counter"]
    found = {m.provider: m for m in await rails(book).methods(business())}
    assert found["crypto"].enabled, "disconnecting brings the sandbox back"


@pytest.mark.parametrize(
    ("facts", "limits"),
    [
        ({}, (100, 5_000)),
        ({"min_amount": 600}, (600, 5_000)),
        ({"max_amount": 7_000}, (100, 7_000)),
        ({"fees": FeePolicy("recipient", fixed=150)}, (151, 5_150)),
        ({"fees": FeePolicy("recipient", fixed=150), "min_amount": 600}, (600, 5_150)),
    ],
)
async def test_of_an_account_that_serves_everything_the_limits_are_shown_as_they_hold(
    facts: dict[str, Any], limits: tuple[int, int]
) -> None:
    both = whole(account("counter", **facts))
    paypal = (await both.methods(business()))[0]
    assert (paypal.enabled, paypal.min_amount, paypal.max_amount) == (True, *limits)
    served = await both.serve(business(), "paypal", {})
    assert (served.rail, served.min_amount, served.max_amount) == (COUNTER, *limits)


@pytest.mark.parametrize("facts", [{"enabled": False}, {"min_amount": 20_000}])
async def test_nothing_takes_the_place_of_an_account_that_serves_everything_and_now_nothing(
    facts: dict[str, Any],
) -> None:
    both = whole(account("counter", **facts))
    paypal = (await both.methods(business()))[0]
    assert (paypal.enabled, paypal.min_amount, paypal.max_amount) == (False, 100, 10_000)
    for destination in ({}, {"email": "ada@example.com"}):
        with pytest.raises(FieldErrors):
            (await both.serve(business(), "paypal", destination)).check(1_000)


async def test_an_accounts_limits_narrow_the_businesss_and_never_widen_them() -> None:
    book = Book(counter=account("counter", min_amount=50, max_amount=2_000))
    served = await rails(book).serve(business(), "crypto", {})
    assert (served.min_amount, served.max_amount) == (100, 2_000)
    served.check(100)
    served.check(2_000)
    for amount, message in (
        (99, "The amount must be at least 100."),
        (2_001, "The amount may not be greater than 2000."),
    ):
        with pytest.raises(FieldErrors) as refused:
            served.check(amount)
        assert refused.value.fields == {"amount": [message]}


async def test_a_methods_limits_and_options_are_those_of_all_its_rails() -> None:
    book = Book(
        counter=account(
            "counter", min_amount=500, max_amount=50_000, settings={"chains": ["OTHER"]}
        )
    )
    found = {m.provider: m for m in await rails(book).methods(business(least=200))}
    crypto = found["crypto"]
    assert (crypto.enabled, crypto.min_amount, crypto.max_amount) == (True, 200, 10_000)
    assert crypto.options == {"chains": {"OTHER": ["USDC"], "MAIN": ["USDT"]}}
    assert not found["paypal"].enabled
    live = {m.provider: m for m in await rails(book).methods(business("live", least=200))}
    assert (live["crypto"].min_amount, live["crypto"].max_amount) == (500, 10_000)


async def test_a_rail_all_of_whose_choices_an_account_takes_is_never_reached_and_not_shown() -> (
    None
):
    chains = {"chains": ["MAIN", "OTHER"]}
    book = Book(counter=account("counter", min_amount=500, settings=chains))
    found = {m.provider: m for m in await rails(book).methods(business(least=200))}
    assert found["crypto"].min_amount == 500, "the sandbox has no chain of its own left"
    assert found["crypto"].options == {"chains": {"MAIN": ["USDC"], "OTHER": ["USDC"]}}


async def test_limits_that_leave_nothing_between_them_switch_the_method_off() -> None:
    book = Book(counter=account("counter", min_amount=20_000))
    found = {m.provider: m for m in await rails(book).methods(business("live"))}
    assert not found["crypto"].enabled
    assert (found["crypto"].min_amount, found["crypto"].max_amount) == (100, 10_000)


async def test_a_rail_that_cannot_say_what_it_sells_does_not_hide_the_others_cards() -> None:
    away, there = Counter("away"), Counter("there")
    away.away = True
    book = Book(away=account("away"), there=account("there"))
    routes = [Route("gift_card", rail, connected=True) for rail in (away, there)]
    shops = Rails(live=routes, test=[], accounts=book)
    assert await shops.gift_cards(business("live")) == [CARD]
    del book["there"]
    assert await shops.gift_cards(business("live")) == []


async def test_closing_hangs_up_each_connected_rail_once() -> None:
    counter = Counter("counter")
    route = Route("paypal", counter, connected=True)
    both = Rails(live=[route, Route("crypto", counter, connected=True)], test=[route])
    await both.close()
    assert counter.closed == 1


async def test_an_order_finds_the_rail_that_it_went_to_whoever_is_connected_now() -> None:
    assert rails().named("counter") is COUNTER
    assert rails().connected("counter") is COUNTER
    assert rails().revealing("counter") is COUNTER
    assert rails().revealing("vendor") is None
    for ask in (rails().named, rails().connected):
        with pytest.raises(LookupError):
            ask("gone")
    with pytest.raises(LookupError):
        rails().connected("vendor")
