"""Where a second factor is demanded, nobody without one sees or changes a business."""

from datetime import UTC, datetime
from uuid import uuid4

import pyotp
import pytest

from payviox.auth import authenticator, sessions
from payviox.db.pool import Database
from payviox.settings import Settings
from payviox.web.context import Services
from support import live
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, make_operator

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        home=tmp_path_factory.mktemp("home"),
        secret_key=live.SECRET_KEY,
        allow_private_webhooks=True,
        require_second_factor=True,
    )


async def test_whoever_has_none_is_led_to_set_one_up_and_then_goes_on(
    browser: Browser, database: Database, business: TestBusiness, services: Services
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email, business, "owner")
    assert (await browser.sign_in(email)).status_code == 303
    base = base_of(business)
    for answer in (
        await browser.get("/dashboard?all"),
        await browser.get(f"{base}/orders"),
        await browser.get("/account/mails"),
        await browser.post("/account/mails", review="yes"),
        await browser.post(f"{base}/settings/payouts/off"),
    ):
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "Everybody here needs a second factor" in (await browser.get("/account")).text
    session = await sessions.find(database, browser.client.cookies["session"])
    assert session is not None
    await database.write(authenticator.begin, services.keyring, session)
    setup = await database.fetch(authenticator.setup_of, services.keyring, session)
    assert setup is not None
    code = pyotp.TOTP(setup.secret).at(datetime.now(UTC))
    assert heading(await browser.post("/account/authenticator", code=code)) == "Recovery codes"
    assert (await browser.get(f"{base}/orders")).status_code == 200
    assert "Everybody here needs" not in (await browser.get("/account")).text
