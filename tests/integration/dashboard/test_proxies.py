"""Behind a proxy that is trusted people are told apart; what others say of where they come from
changes nothing."""

import ipaddress
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from payviox import app
from payviox.auth import attempts
from payviox.db.pool import Database
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.web.context import Services
from support.businesses import TestBusiness
from support.dashboard import Browser, make_operator, signed_in
from support.databases import Urls

pytestmark = pytest.mark.anyio


@pytest.fixture
async def behind(settings: Settings, urls: Urls) -> AsyncIterator[Application]:
    """The application of an installation that trusts the peer of the tests' clients."""
    trusting = replace(settings, trusted_proxies=(ipaddress.ip_network("127.0.0.1"),))
    async with app.open_services(trusting, urls.application) as opened:
        yield app.build(opened)


@pytest.mark.parametrize("trusted", [True, False])
async def test_guesses_count_for_the_address_that_a_trusted_proxy_names(
    behind: Application, services: Services, database: Database, trusted: bool
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email)
    for number in range(2):
        browser = Browser.of(behind if trusted else app.build(services))
        browser.client.headers["X-Forwarded-For"] = f"6.6.6.6, 198.51.100.{number + 1}"
        async with browser.client:
            await browser.sign_in(email)
            answer = await browser.get("/dashboard")
        assert answer.status_code == 200
    async with database.read() as connection:
        cursor = await connection.execute(
            "SELECT place FROM sessions s JOIN operators o ON o.id = s.operator_id"
            " WHERE o.email = %s ORDER BY s.created_at",
            [email],
        )
        places = [row[0] for row in await cursor.fetchall()]
    assert places == (["198.51.100.1", "198.51.100.2"] if trusted else ["127.0.0.1"] * 2)


async def test_one_address_that_guesses_locks_out_no_other_behind_the_same_proxy(
    behind: Application, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "PER_ADDRESS", 3)
    browser = Browser.of(behind)
    async with browser.client:
        browser.client.headers["X-Forwarded-For"] = "203.0.113.50"
        for _ in range(3):
            await browser.sign_in(f"{uuid4().hex}@example.com", "a guess")
        assert (await browser.sign_in("x@example.com", "a guess")).status_code == 429
        browser.client.headers["X-Forwarded-For"] = "203.0.113.51"
        assert (await browser.sign_in("x@example.com", "a guess")).status_code == 422


async def test_the_audit_names_the_client_for_pages_and_for_keys(
    behind: Application, database: Database, business: TestBusiness
) -> None:
    browser = Browser.of(behind)
    async with browser.client:
        browser.client.headers["X-Forwarded-For"] = "2001:db8::1"
        base = await signed_in(browser, database, business)
        await browser.post(f"{base}/settings/payouts/off")
        headers = {"Authorization": f"Bearer {business.secret_key}"}
        call = {"amount": 7}
        await browser.client.post("/payout/fund", json=call, headers=headers)
        log = await browser.get(f"{base}/audit")
    assert log.text.count("from 2001:db8::1") == 2
