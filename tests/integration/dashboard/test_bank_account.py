"""The form of a bank account's settings: what stands in it, and that nothing changes but what was
typed."""

from typing import Any

import pytest

from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.rail_accounts import service
from payviox.rail_accounts.model import RailAccount
from payviox.rails.bank.settings import SETTINGS
from support.banking import Banking
from support.businesses import TestBusiness
from support.dashboard import Browser, heading, signed_in

pytestmark = pytest.mark.anyio

TYPED = {
    "schemes": "",
    "schemes_sepa": "yes",
    "name": "ACME GmbH",
    "iban": "DE02120300000000202051",
    "release": "download",
    "rate_source": "fixed",
    "spread": "1.5",
    "sepa_format": "pain.001.001.03",
}


async def account(business: TestBusiness) -> RailAccount:
    return await business.database.fetch(service.get, business.business_id, "bank")


async def changes(business: TestBusiness) -> dict[str, Any]:
    """What the newest act at the account says of it."""
    [newest] = await business.database.fetch(
        lambda db: audit.list_page(db, business.business_id, act="rail.connect", limit=1)
    )
    found = dict(newest.after or {})
    return {name: found[name] for name in found.keys() - {"new", "environment"}}


async def test_an_account_is_connected_by_what_is_typed_and_the_rest_is_as_shown(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    address = f"{await signed_in(browser, database, business)}/rails/bank/connect"
    form = await browser.get(address)
    for name, setting in SETTINGS.items():
        assert f'name="{name}"' in form.text, name
        for choice in setting.choices:
            assert f'value="{choice}"' in form.text or f'name="{name}_{choice}"' in form.text
    assert 'value="15:00"' in form.text, "defaults are shown"
    made = await browser.post(address, **TYPED, cut_off="15:00", success="booked", bic="")
    assert heading(made) == "Bank account is connected"
    stored = {**(await account(business)).settings}
    assert stored == {
        "schemes": "sepa",
        "name": "ACME GmbH",
        "iban": "DE02120300000000202051",
        "rate_source": "fixed",
        "spread_bp": 150,
        "sepa_format": "pain.001.001.03",
    }
    page = await browser.get(address.removesuffix("/connect"))
    assert "what somebody of this installation says" in page.text
    assert "1.5 %" in page.text
    assert "SFTP" not in page.text, "of the way that is not chosen nothing is shown"


async def test_what_is_not_asked_for_or_not_touched_stays(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    await Banking.of(business, rate_source="fixed", spread_bp=100, bic="BYLADEM1001")
    address = f"{await signed_in(browser, database, business)}/rails/bank/connect"
    before = (await account(business)).settings
    form = await browser.get(address)
    assert 'id="spread" name="spread" type="text" value="1"' in form.text
    assert 'value="fixed" checked' in form.text
    saved = await browser.post(address, cut_at="09:30", spread="1", rate_source="fixed")
    assert saved.status_code == 200
    assert (await account(business)).settings == {**before, "cut_at": "09:30"}
    assert await changes(business) == {"cut_at": "09:30"}
    await browser.post(address, bic="", spread="")
    cleared = {name: before[name] for name in before.keys() - {"bic", "spread_bp"}}
    assert (await account(business)).settings == {**cleared, "cut_at": "09:30"}


async def test_what_is_wrong_stands_beside_its_field_by_its_label_and_nothing_is_saved(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    await Banking.of(business)
    address = f"{await signed_in(browser, database, business)}/rails/bank/connect"
    before = (await account(business)).settings
    for typed, said in (
        ({"schemes": ""}, "People are paid by is required."),
        ({"name": ""}, "Payer&#39;s name is required."),
        ({"iban": "DE00"}, "IBAN "),
        ({"cut_off": "3pm"}, "Cut-off must be a time such as 15:00."),
        ({"spread": "many"}, "Spread must be a percentage"),
        ({"release": "sftp", "sftp_host": ""}, "Server must be the host&#39;s name or address."),
    ):
        answer = await browser.post(address, **typed)
        assert answer.status_code == 422, typed
        assert said in answer.text
    assert (await account(business)).settings == before
