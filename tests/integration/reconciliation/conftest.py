"""A business with a vendor whose books are compared with ours."""

from collections.abc import AsyncIterator

import pytest

from support.businesses import TestBusiness
from support.finance import Finance
from support.vendor import Vendor
from support.withdrawals import Desk


@pytest.fixture
def vendor() -> Vendor:
    return Vendor(remembers_s=86_400.0)


@pytest.fixture
async def finance(business: TestBusiness, vendor: Vendor) -> AsyncIterator[Finance]:
    made = Finance(Desk.of(business, vendor.rails), vendor)
    yield made
    await made.check_books()
