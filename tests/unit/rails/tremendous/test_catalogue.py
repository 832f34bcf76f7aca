"""Which of Tremendous's products are offered, as what, and for how much."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, Request
from payviox.rails.protocol import Account, RailError
from payviox.rails.tremendous import catalogue, quote
from payviox.rails.tremendous.amounts import to_cents, to_dollars
from payviox.rails.tremendous.catalogue import Band, Catalogue, Product
from support.tremendous_shapes import fixed, product

pytestmark = pytest.mark.anyio

SENDER = FeePolicy()
RECIPIENT = FeePolicy("recipient", 200, 25, 500)
ACCOUNT = Account(uuid4(), "tremendous", "sandbox", True, None, None, None, SENDER, {}, {})


def one(**changes: Any) -> Product:
    (found,) = catalogue.read_products([product(**changes)])
    return found


def test_a_card_of_the_buyers_choice_says_the_least_and_the_most() -> None:
    (card,) = catalogue.cards(one(), SENDER)
    assert card.id == "trm_OKMHM2X2OHYV"
    assert (card.name, card.brand, card.country, card.currency) == (
        "Amazon.com",
        "Amazon.com",
        "US",
        "USD",
    )
    assert (card.face_value, card.max_face_value, card.price) == (500, 10_000, 500)
    assert card.image == "https://example.com/card.png"


def test_fixed_values_are_cards_of_their_own_each_with_its_price() -> None:
    found = one(skus=fixed(25, 10, "50.50"))
    cards = list(catalogue.cards(found, RECIPIENT))
    assert [card.id for card in cards] == [
        "trm_OKMHM2X2OHYV.1000",
        "trm_OKMHM2X2OHYV.2500",
        "trm_OKMHM2X2OHYV.5050",
    ]
    assert [card.face_value for card in cards] == [1_000, 2_500, 5_050]
    assert [card.max_face_value for card in cards] == [None, None, None]
    for card in cards:
        assert card.price - RECIPIENT.of_amount(card.price) == card.face_value


def test_an_id_names_one_band_or_all_of_them() -> None:
    found = one(skus=fixed(10, 25))
    assert catalogue.parse_id("trm_OKMHM2X2OHYV") == ("OKMHM2X2OHYV", None)
    assert catalogue.parse_id("trm_OKMHM2X2OHYV.2500") == ("OKMHM2X2OHYV", 2_500)
    assert catalogue.bands_of(found, None) == (Band(1_000, 1_000), Band(2_500, 2_500))
    assert catalogue.bands_of(found, 2_500) == (Band(2_500, 2_500),)
    assert catalogue.bands_of(found, 2_000) == ()


@pytest.mark.parametrize(
    "text",
    ["", "OKMHM2X2OHYV", "trm_", "trm_okmhm", "trm_ABC", "trm_../orders", "trm_ABCD.", None, 7,
     "trm_ABCD.25.00", "trm_ABCD.-5", "trm_ABCD\n", "trm_\u0661\u0662\u0663\u0664"],
)  # fmt: skip
def test_another_text_is_no_id(text: object) -> None:
    assert catalogue.parse_id(text) is None


def test_overlapping_bands_are_one_band() -> None:
    skus = [*fixed(5), {"min": 5, "max": 20, "currency_code": "USD"}, *fixed(20, 30)]
    assert one(skus=skus).bands == (Band(500, 2_000), Band(3_000, 3_000))


def test_a_country_stands_for_all() -> None:
    abroad = one(countries=[{"abbr": "FR"}, {"abbr": "DE"}])
    assert (abroad.country, abroad.countries) == ("DE", ("DE", "FR"))
    assert one(countries=[{"abbr": "CA"}, {"abbr": "US"}]).country == "US"


def test_a_product_without_an_image_has_none_and_only_safe_ones_are_shown() -> None:
    assert one(images=[]).image is None
    assert one(images=[{"src": "javascript:alert(1)", "type": "card"}]).image is None
    logo = [{"src": "https://example.com/logo.png", "type": "logo"}]
    assert one(images=logo).image == "https://example.com/logo.png"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None},
        {"id": "../orders"},
        {"id": "lower"},
        {"name": ""},
        {"name": None},
        {"name": "A\nB"},
        {"name": "x" * 501},
        {"countries": [{"abbr": "us"}, {"abbr": "USA"}]},
        {"category": "paypal"},
        {"category": "ach"},
        {"category": None},
        {"currency_codes": ["EUR"]},
        {"currency_codes": None},
        {"countries": []},
        {"countries": [{"abbr": 7}]},
        {"skus": None},
        {"skus": []},
        {"skus": [{"min": 5, "max": 10, "currency_code": "EUR"}]},
        {"skus": [{"min": 10, "max": 5, "currency_code": "USD"}]},
        {"skus": [{"min": Decimal("5.005"), "max": 10, "currency_code": "USD"}]},
        {"skus": [{"min": 0, "max": 0, "currency_code": "USD"}]},
        {"skus": [{"min": "5", "max": "10", "currency_code": "USD"}]},
        {"skus": [{"min": True, "max": 10, "currency_code": "USD"}]},
    ],
)
def test_what_has_no_exact_price_in_dollars_or_is_no_card_is_left_out(
    changes: dict[str, Any],
) -> None:
    assert catalogue.read_products([product(**changes), product(id="GOODONE")]) == [
        one(id="GOODONE")
    ]


def test_a_product_is_the_same_after_it_was_kept() -> None:
    found = one(skus=fixed(10, 25))
    assert catalogue.from_row(catalogue.to_row(found)) == found


@given(st.integers(0, 10**11))
def test_amounts_are_the_same_there_and_back(cents: int) -> None:
    assert to_cents(to_dollars(cents)) == cents


@pytest.mark.parametrize(
    "value",
    [None, "25", 25.1, True, -1, Decimal("-0.01"), Decimal("0.001"), Decimal("1E+400"), 10**400,
     Decimal("NaN"), Decimal("Infinity")],
)  # fmt: skip
def test_what_is_no_amount_is_none(value: object) -> None:
    assert to_cents(value) is None


BANDS = (Band(500, 10_000), Band(20_000, 20_000))
POLICIES = st.builds(
    FeePolicy,
    st.sampled_from(["sender", "recipient"]),
    st.integers(0, 9_999),
    st.integers(0, 500),
    st.none() | st.integers(0, 1_000),
)


def request(amount: int | None = None, net_amount: int | None = None) -> Request:
    return Request(uuid4(), "gift_card", {}, amount, net_amount)


@given(st.integers(1, 30_000), POLICIES)
def test_what_is_paid_is_the_face_value_and_the_fee_in_both_directions(
    cents: int, fees: FeePolicy
) -> None:
    for asked in (request(amount=cents), request(net_amount=cents)):
        try:
            price = quote.price(asked, BANDS, fees)
        except Invalid:
            continue
        assert any(price.net_amount in band for band in BANDS)
        assert price.amount == (asked.amount or price.amount) == price.fees + price.net_amount
        assert price.net_amount == (asked.net_amount or price.net_amount)


@given(st.sampled_from([500, 501, 9_999, 10_000, 20_000]), POLICIES)
def test_every_face_value_can_be_asked_for_and_be_paid_by_its_amount(
    face_value: int, fees: FeePolicy
) -> None:
    price = quote.price(request(net_amount=face_value), BANDS, fees)
    assert price.amount - price.fees == price.net_amount == face_value
    assume(price.amount > 0)
    assert quote.price(request(amount=price.amount), BANDS, fees) == price


def test_a_refused_amount_says_which_would_do_with_the_fee_in_it() -> None:
    with pytest.raises(Invalid) as refused:
        quote.price(request(amount=100), BANDS, FeePolicy("recipient", fixed=25))
    assert refused.value.fields == {
        "amount": ["The amount must be between 525 and 10025 or 20025 for this gift card."]
    }
    with pytest.raises(Invalid) as refused:
        quote.price(request(net_amount=100), BANDS[1:], SENDER)
    (message,) = refused.value.fields["net_amount"]
    assert message == "The net_amount must be 20000 for this gift card."


class Kept:
    """The cache in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Mapping[str, Any]] = {}

    async def list(self, business_id: UUID, rail: str) -> Sequence[Mapping[str, Any]]:
        return list(self.rows.values())

    async def find(self, business_id: UUID, rail: str, product_id: str) -> Mapping[str, Any] | None:
        return self.rows.get(product_id)

    async def replace(
        self, business_id: UUID, rail: str, products: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.rows = dict(products)


class Seller:
    """Tremendous, as far as the cache sees it."""

    def __init__(self) -> None:
        self.asked = 0
        self.down = False
        self.sells = [one()]

    async def fetch(self, account: Account) -> list[Product]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.down:
            raise RailError("away")
        return self.sells


async def test_an_empty_cache_is_filled_by_one_fetch_however_many_ask() -> None:
    seller = Seller()
    cache = Catalogue(Kept(), seller.fetch)
    found = await asyncio.gather(*(cache.list(ACCOUNT) for _ in range(20)))
    assert found == [[one()]] * 20
    assert await cache.find(ACCOUNT, one().id) == one()
    assert await cache.find(ACCOUNT, "UNHEARDOF") is None
    assert seller.asked == 1


async def test_what_was_fetched_is_served_while_tremendous_is_away() -> None:
    seller, kept = Seller(), Kept()
    await Catalogue(kept, seller.fetch).refresh(ACCOUNT)
    seller.down = True
    later = Catalogue(kept, seller.fetch)
    with pytest.raises(RailError):
        await later.refresh(ACCOUNT)
    assert await later.list(ACCOUNT) == [one()]


async def test_a_fetch_that_failed_is_not_tried_by_everybody_who_asks() -> None:
    seller = Seller()
    seller.down = True
    cache = Catalogue(Kept(), seller.fetch)
    for _ in range(3):
        with pytest.raises(RailError, match="away"):
            await cache.list(ACCOUNT)
    assert seller.asked == 1


async def test_a_refresh_takes_away_what_is_not_sold_any_more() -> None:
    seller = Seller()
    cache = Catalogue(Kept(), seller.fetch)
    assert await cache.refresh(ACCOUNT) == 1
    seller.sells = [one(id="ANOTHERONE")]
    assert await cache.refresh(ACCOUNT) == 1
    assert [p.id for p in await cache.list(ACCOUNT)] == ["ANOTHERONE"]
    assert await cache.find(ACCOUNT, one().id) is None
