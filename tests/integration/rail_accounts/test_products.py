"""What a rail sells, kept between two refreshes."""

import asyncio

import pytest

from payviox.keyring import Keyring
from payviox.rail_accounts import service
from payviox.rail_state.products import Products
from support.accounts import connect
from support.businesses import TestBusiness

pytestmark = pytest.mark.anyio

KEYRING = Keyring("the key that these accounts are sealed with")
RAIL = "tremendous"


def named(*names: str) -> dict[str, dict[str, str]]:
    return {name: {"id": name} for name in names}


async def listed(products: Products, business: TestBusiness) -> list[str]:
    return [str(row["id"]) for row in await products.list(business.business_id, RAIL)]


async def test_a_refresh_replaces_all_of_one_rail_and_of_one_business(
    business: TestBusiness, make_business: object
) -> None:
    other = await make_business()  # type: ignore[operator]  # a fixture
    products = Products(business.database)
    for one in (business, other):
        await connect(business.database, KEYRING, one.business_id, "tremendous")
        await products.replace(one.business_id, RAIL, named("B", "a", "A"))
    await products.replace(business.business_id, RAIL, named("C", "B"))
    assert await listed(products, business) == ["B", "C"]
    assert await listed(products, other) == ["A", "B", "a"]
    assert await products.find(business.business_id, RAIL, "C") == {"id": "C"}
    assert await products.find(business.business_id, RAIL, "A") is None
    assert await products.find(business.business_id, "paypal", "C") is None


async def test_of_refreshes_at_once_one_whole_catalogue_remains(business: TestBusiness) -> None:
    products = Products(business.database)
    await connect(business.database, KEYRING, business.business_id, "tremendous")
    catalogues = [named(*(f"{each}-{number}" for number in range(50))) for each in "abcd"]
    await asyncio.gather(*(products.replace(business.business_id, RAIL, c) for c in catalogues))
    assert sorted(await listed(products, business)) in [sorted(c) for c in catalogues]


async def test_nothing_is_kept_of_a_rail_that_is_not_connected_any_more(
    business: TestBusiness,
) -> None:
    products = Products(business.database)
    await connect(business.database, KEYRING, business.business_id, "tremendous")
    await products.replace(business.business_id, RAIL, named("A"))
    await business.database.write(service.disconnect, business.business_id, RAIL, "test")
    assert await listed(products, business) == []
    await products.replace(business.business_id, RAIL, named("A"))  # it was under way
    assert await listed(products, business) == []
