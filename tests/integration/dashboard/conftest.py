"""What tests of the dashboard's pages share."""

from collections.abc import AsyncIterator

import pytest

from payviox.web.request_body import Application
from support.dashboard import Browser


@pytest.fixture
async def browser(application: Application) -> AsyncIterator[Browser]:
    """A browser that was never here."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened
