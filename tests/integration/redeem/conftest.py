"""What tests of the redemption page share."""

from collections.abc import AsyncIterator

import pytest

from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser
from support.redeem import Recipient


@pytest.fixture
async def browser(application: Application) -> AsyncIterator[Browser]:
    """A browser that was never here."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


@pytest.fixture
async def ada(business: TestBusiness, browser: Browser) -> Recipient:
    """Ada has $50.00 and the page open."""
    return await Recipient.of(business, browser)
