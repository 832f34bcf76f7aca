"""The logo of a business: sent on *Brand and mails*, shown on the redemption page, taken away."""

import hashlib

import httpx
import pytest

from payviox.businesses import service as businesses
from payviox.db.pool import Database
from payviox.recipient_mails import logo
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.sites import hosts
from payviox.tables.cells import FileRefused
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, make_stale, signed_in
from support.logos import bomb, drawing, file_of, opened
from support.redeem import Recipient, who_sent
from support.uploads import SAME

pytestmark = pytest.mark.anyio

PICTURE = file_of(drawing())


async def send(browser: Browser, base: str, content: bytes = PICTURE) -> httpx.Response:
    files = {"file": ("logo.png", content, "image/png")}
    return await browser.client.post(f"{base}/settings/brand/logo", files=files, headers=SAME)


async def digest_of(database: Database, business: TestBusiness) -> str | None:
    return (await database.fetch(businesses.get, business.business_id)).brand_logo_digest


async def test_a_logo_is_kept_shown_written_down_and_removed(
    browser: Browser, database: Database, business: TestBusiness, application: Application
) -> None:
    base = await signed_in(browser, database, business, "owner")
    answer = await send(browser, base)
    page = await browser.get(answer.headers["location"])
    assert "The logo is saved." in page.text
    digest = await digest_of(database, business)
    assert f'src="/redeem/logo/{digest}" alt="{business.name}"' in page.text
    picture = await Browser.of(application).get(f"/redeem/logo/{digest}")
    assert picture.headers["content-type"] == "image/png"
    assert picture.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert not picture.cookies
    assert hashlib.sha256(picture.content).hexdigest() == digest
    assert opened(picture.content).height <= 120
    assert digest in (await browser.get(f"{base}/audit?act=business.set")).text
    answer = await browser.post(f"{base}/settings/brand/logo/remove")
    page = await browser.get(answer.headers["location"])
    assert "The logo is removed." in page.text
    assert "the redemption page shows the name" in page.text
    assert (await browser.get(f"/redeem/logo/{digest}")).status_code == 404


async def test_recipients_see_it_in_place_of_the_name_and_before_they_come_in(
    browser: Browser, database: Database, business: TestBusiness, application: Application
) -> None:
    await business.set(brand_name="Acme & Sons")
    base = await signed_in(browser, database, business, "owner")
    await send(browser, base)
    address = f"/redeem/logo/{await digest_of(database, business)}"
    ada = await Recipient.of(business, Browser.of(application))
    said = await ada.browser.post("/redeem/sender", **who_sent(ada.hash))
    assert said.json() == {"name": "Acme & Sons", "logo": address}
    page = await ada.get("balance")
    assert f'<img class="logo" src="{address}" alt="Acme &amp; Sons">' in page.text
    assert "img-src 'self' data:" in page.headers["content-security-policy"]


async def test_a_businesss_own_host_shows_no_other_logo(
    browser: Browser, database: Database, business: TestBusiness, make_business: object
) -> None:
    other = await make_business()  # type: ignore[operator]  # a fixture
    drawn = await logo.drawn(PICTURE)
    await database.write(logo.save, other.business_id, drawn, "test")
    host = f"pay.{business.business_id}.example.com"
    await database.write(hosts.save, business.business_id, host, "test")
    own = await database.fetch(hosts.get, business.business_id)
    assert own is not None
    await database.write(hosts.mark_seen, own, "test")
    address = f"/redeem/logo/{await digest_of(database, other)}"
    assert (await browser.get(address)).status_code == 200
    assert (await browser.get(f"http://{host}{address}")).status_code == 404
    await database.write(logo.save, business.business_id, drawn, "test")
    assert (await browser.get(f"http://{host}{address}")).status_code == 200
    entrance = await browser.get(f"http://{host}/redeem")
    assert f'<img class="logo" src="{address}" alt="">' in entrance.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (bomb(50_000), "million pixels"),
        (b"hello", "no picture that can be read"),
        (b"", "The file is empty."),
        (b"\x89PNG" + b"\0" * 2_000_000, "larger than 2 MB"),
        (b"\x89PNG" + b"\0" * 21_000_000, "larger than 2 MB"),
    ],
    ids=["svg", "bomb", "text", "nothing", "large", "huge"],
)
async def test_what_is_no_logo_is_said_at_the_field_and_the_one_before_stays(
    browser: Browser, database: Database, business: TestBusiness, content: bytes, words: str
) -> None:
    base = await signed_in(browser, database, business, "owner")
    await send(browser, base)
    before = await digest_of(database, business)
    answer = await send(browser, base, content)
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text
    assert words in answer.text
    assert await digest_of(database, business) == before is not None


async def test_where_the_process_that_reads_it_dies_the_picture_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logo, "READER", "payviox.no_such_reader")
    with pytest.raises(FileRefused):
        await logo.drawn(PICTURE)


@pytest.mark.parametrize("digest", ["x", "0" * 64, "0" * 63 + "%00", "..%2f" + "0" * 59, "F" * 64])
async def test_what_is_no_logos_digest_is_not_there(browser: Browser, digest: str) -> None:
    assert (await browser.get(f"/redeem/logo/{digest}")).status_code == 404


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_changes_it_as_the_table_says(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    may = "business.set" in RIGHTS[role]
    assert (await send(browser, base)).status_code == (303 if may else 403)
    assert (await digest_of(database, business) is not None) == may
    assert ("Upload logo" in (await browser.get(f"{base}/settings/brand")).text) == may
    removed = await browser.post(f"{base}/settings/brand/logo/remove")
    assert removed.status_code == (303 if may else 403)


async def test_another_one_needs_fresh_proof_and_taking_it_away_does_not(
    browser: Browser, database: Database, business: TestBusiness, make_business: object
) -> None:
    other = await make_business()  # type: ignore[operator]  # a fixture
    base = await signed_in(browser, database, business, "owner")
    assert (await send(browser, base_of(other))).status_code == 404
    await send(browser, base)
    before = await digest_of(database, business)
    await make_stale(browser, database)
    await send(browser, base, file_of(drawing(ink="#aa0000")))
    assert await digest_of(database, business) == before
    await browser.post(f"{base}/settings/brand/logo/remove")
    assert await digest_of(database, business) is None
