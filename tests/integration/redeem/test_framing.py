"""Which pages may be in a frame, and whose: what the server says of it to browsers."""

import pytest

from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.errors import FieldErrors
from payviox.sites import origins
from support.businesses import TestBusiness
from support.dashboard import Browser
from support.redeem import Recipient

pytestmark = pytest.mark.anyio

SHOP = "https://shop.example.com"
IN_A_FRAME = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def shop(database: Database, business: TestBusiness) -> None:
    await database.write(origins.save, business.business_id, [SHOP], "test")


async def _ticket(ada: Recipient) -> str:
    user = f"usr_{await ada.desk.user(1)}"
    made = await ada.desk.business.client.post(f"/payout/users/{user}/redeem-link")
    return str(made.json()["url"]).partition("#")[2]


async def _enter(browser: Browser, secret: str, code: str | None = None) -> str:
    """The frame's cookie after the button."""
    answer = await browser.client.post(
        f"/redeem/embedded/{code or secret[:8]}", data={"link": secret}, headers=IN_A_FRAME
    )
    return answer.headers.get("set-cookie", "")


async def test_a_frame_gets_a_cookie_that_belongs_to_the_site_around_it(
    shop: None, ada: Recipient, browser: Browser
) -> None:
    browser.client.cookies.clear()
    cookie = await _enter(browser, await _ticket(ada))
    for part in ("redeem-framed=", "HttpOnly", "Secure", "SameSite=None", "Partitioned"):
        assert part in cookie
    sent = {"Cookie": cookie.partition(";")[0]}
    page = await browser.client.get("/redeem/balance", headers=IN_A_FRAME | sent)
    assert page.status_code == 200
    assert f"frame-ancestors {SHOP}" in page.headers["content-security-policy"]
    assert "x-frame-options" not in page.headers
    window = await browser.client.get("/redeem/balance", headers=sent)
    assert window.status_code == 401
    assert "frame-ancestors 'none'" in window.headers["content-security-policy"]
    assert window.headers["x-frame-options"] == "DENY"
    part = {"HX-Request": "true", "Payviox-Framed": "yes", "Sec-Fetch-Dest": "empty"}
    assert (await browser.client.get("/redeem/balance", headers=part | sent)).status_code == 200
    left = await browser.client.post("/redeem/leave", headers=IN_A_FRAME | sent)
    assert left.headers["location"] == f"/redeem/embedded/{ada.hash[:8]}"
    ended = await browser.client.get("/redeem/balance", headers=IN_A_FRAME | sent)
    assert ended.status_code == 401
    assert f"frame-ancestors {SHOP}" in ended.headers["content-security-policy"]


async def test_a_window_session_opens_nothing_in_a_frame(shop: None, ada: Recipient) -> None:
    assert (await ada.get("balance")).status_code == 200
    page = await ada.browser.client.get("/redeem/balance", headers=IN_A_FRAME)
    assert page.status_code == 401
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_only_a_ticket_of_the_business_itself_opens_a_frame(
    shop: None, ada: Recipient, browser: Browser, make_business: object
) -> None:
    other = await make_business()  # type: ignore[operator]  # a fixture
    code = await other.scalar("SELECT hash_code FROM businesses WHERE id = %s", other.business_id)
    ticket = await _ticket(ada)
    assert not await _enter(browser, ada.hash)
    assert not await _enter(browser, ticket, code)
    assert not await _enter(browser, ticket, "../..")
    assert await _enter(browser, ticket)
    assert not await _enter(browser, ticket)


async def test_without_a_site_no_page_is_in_a_frame(ada: Recipient, browser: Browser) -> None:
    for code in (ada.hash[:8], "00000000", "x", "%00"):
        page = await browser.client.get(f"/redeem/embedded/{code}", headers=IN_A_FRAME)
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"], code
        assert page.headers["x-frame-options"] == "DENY"


async def test_a_form_of_another_site_is_refused_in_a_frame_too(
    shop: None, ada: Recipient, browser: Browser
) -> None:
    ticket = await _ticket(ada)
    answer = await browser.client.post(
        f"/redeem/embedded/{ticket[:8]}",
        data={"link": ticket},
        headers={"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert await _enter(browser, ticket)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://Shop.Example.com/", "https://shop.example.com"),
        ("https://shop.example.com:443", "https://shop.example.com"),
        ("https://shop.example.com:8443", "https://shop.example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
async def test_an_origin_is_kept_as_browsers_name_it(typed: str, kept: str) -> None:
    assert origins.parse([typed, " ", typed]) == [kept]


@pytest.mark.parametrize(
    "typed",
    [
        "http://shop.example.com",
        "shop.example.com",
        "https://*.example.com",
        "https://shop.example.com/path",
        "https://shop.example.com?x",
        "https://u:p@shop.example.com",
        "https://shop.example.com; script-src *",
        "https://shop.example.com https://evil.example",
        "https://10.0.0.1",
        "https://[::1]",
        "https://shop.example.com:99999",
        "data:text/html,x",
        "https://",
        "*",
        "'self'",
        "https://\x00.example.com",
        "https://a\N{FULLWIDTH SOLIDUS}b.example",
    ],
)
async def test_what_is_no_origin_is_refused(typed: str) -> None:
    with pytest.raises(FieldErrors):
        origins.parse([typed])


async def test_no_more_than_twenty_origins_are_kept() -> None:
    with pytest.raises(FieldErrors):
        origins.parse([f"https://s{number}.example.com" for number in range(21)])


async def test_the_script_is_the_same_for_everybody_and_small(browser: Browser) -> None:
    script = await browser.get("/embed.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "max-age=3600" in script.headers["cache-control"]
    assert len(script.content) < 2_000
    assert not script.cookies


async def test_saving_the_same_origins_again_writes_nothing_down(
    shop: None, database: Database, business: TestBusiness
) -> None:
    await database.write(origins.save, business.business_id, [SHOP], "test")
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=9))
    assert [entry.act for entry in entries].count("site.set_origins") == 1
