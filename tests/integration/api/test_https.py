"""What is served where the site's address is https, as browsers have to be told."""

from dataclasses import replace

import httpx
import pytest

from payviox.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    return replace(settings, public_url="https://payouts.example.com")


@pytest.mark.parametrize("path", ["/balance", "/redeem/x", "/nothing", "/docs", "/login"])
async def test_every_answer_lets_browsers_come_by_https_alone(
    anonymous: httpx.AsyncClient, path: str
) -> None:
    answer = await anonymous.get(path)
    assert answer.headers.get_list("strict-transport-security") == ["max-age=31536000"]


@pytest.mark.parametrize("path", ["/balance", "/docs", "/login", "/health/live"])
async def test_trace_is_answered_by_nobody(anonymous: httpx.AsyncClient, path: str) -> None:
    answer = await anonymous.request("TRACE", path, headers={"x-secret": "not-repeated"})
    assert answer.status_code in (401, 405)
    assert "not-repeated" not in answer.text
