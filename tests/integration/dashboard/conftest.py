"""What tests of the dashboard's pages share."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser


@pytest.fixture
async def browser(application: Application) -> AsyncIterator[Browser]:
    """A browser that was never here."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


@pytest.fixture
async def business_of_others(make_business: Any) -> TestBusiness:
    """A business of another organization."""
    made: TestBusiness = await make_business()
    return made
