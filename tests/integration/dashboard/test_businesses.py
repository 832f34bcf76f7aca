"""Creating businesses: by the installation's admins, each apart from all others."""

from uuid import uuid4

import pytest

from payviox.db.pool import Database
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, make_operator, signed_in

pytestmark = pytest.mark.anyio

CREATE = "/dashboard/businesses/create"


async def test_an_admin_creates_a_business_whose_payouts_are_off(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email, is_admin=True)
    await browser.sign_in(email)
    assert CREATE in (await browser.get("/dashboard?all")).text
    assert heading(await browser.get(CREATE)) == "Create business"
    for wrong in ("", " ", "a\nb", "x" * 201):
        refused = await browser.post(CREATE, name=wrong)
        assert (refused.status_code, heading(refused)) == (422, "Create business")
    made = await browser.post(CREATE, name="Globex <b>")
    assert made.status_code == 303
    settings = await browser.get(made.headers["location"])
    assert "The business is made, live and test." in settings.text
    listed = (await browser.get("/dashboard?all")).text
    assert listed.count("Globex &lt;b&gt;") == 2
    base = made.headers["location"].partition("/settings")[0]
    assert "business.create" in (await browser.get(f"{base}/audit")).text
    assert base != base_of(business)


async def test_nobody_else_creates_one(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    await signed_in(browser, database, business, "owner")
    listed = await browser.get("/dashboard?all")
    assert CREATE not in listed.text
    assert (await browser.get(CREATE)).status_code == 403
    assert (await browser.post(CREATE, name="Mine")).status_code == 403
    assert (await browser.get("/dashboard?all")).text.count("<tr>") == listed.text.count("<tr>")
