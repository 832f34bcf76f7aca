"""A business with a vendor whose books are compared with ours."""

from collections.abc import AsyncIterator

import pytest

from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.finance import Finance, check_all_books
from support.vendor import Vendor
from support.withdrawals import Desk


@pytest.fixture(scope="module")
async def whole_ledger(database: Database) -> AsyncIterator[None]:
    """At the file's end everybody's books are in order still."""
    yield
    await check_all_books(database)


@pytest.fixture
def vendor() -> Vendor:
    return Vendor(remembers_s=86_400.0)


@pytest.fixture
async def finance(
    business: TestBusiness,
    vendor: Vendor,
    whole_ledger: None,  # for its look at the end
) -> AsyncIterator[Finance]:
    made = Finance(Desk.of(business, vendor.rails), vendor)
    yield made
    await made.check_books()
