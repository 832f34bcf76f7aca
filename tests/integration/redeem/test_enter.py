"""Coming in: only the button lets somebody in, what has stopped opens nothing, and the page reveals
nothing about it."""

import asyncio
import logging
from typing import Any

import psycopg
import pytest

from payviox.allocations import service as allocations
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.payout_users import service as payout_users
from payviox.web.asgi import Application
from support import ageing
from support.businesses import TestBusiness
from support.dashboard import Browser, heading
from support.databases import Urls
from support.redeem import EMAIL, Recipient, text_of, who_sent
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def _sessions(ada: Recipient) -> int:
    count: int = await ada.desk.business.scalar(
        "SELECT count(*) FROM payout_user_sessions WHERE business_id = %s",
        ada.desk.business.business_id,
    )
    return count


async def test_the_first_page_is_the_same_for_everybody_and_sets_no_cookie(
    browser: Browser, business: TestBusiness
) -> None:
    page = await browser.get("/redeem")
    assert page.status_code == 200
    assert "Continue" in page.text
    assert not page.cookies
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


async def test_whoever_has_a_link_learns_who_sent_it_before_they_press_anything(
    browser: Browser, business: TestBusiness
) -> None:
    made = (await business.create(EMAIL, 100)).json()["hash"]
    user = await Desk.of(business).user(1)
    link = (await business.client.post(f"/payout/users/usr_{user}/redeem-link")).json()["url"]
    for secret in (made, link.partition("#")[2]):
        known = await browser.post("/redeem/sender", **who_sent(secret))
        assert known.status_code == 200
        assert known.json() == {"name": business.name, "logo": None}
        assert not known.cookies
    assert (await browser.post("/redeem", link=link)).status_code == 303, "it is not used up"


async def test_whoever_has_no_link_learns_no_business_by_guessing(
    ada: Recipient, make_business: Any, database: Database
) -> None:
    known, browser = who_sent(ada.hash), ada.browser
    other = (await (await make_business(funds=100)).create(EMAIL, 100)).json()["hash"]
    guesses = [
        {"code": known["code"]},
        {"digest": known["digest"]},
        {**known, "digest": who_sent("0" * 64)["digest"]},
        {**known, "digest": who_sent(ada.hash[:8])["digest"]},
        {**known, "digest": who_sent(other)["digest"]},
        {**known, "digest": known["digest"].upper()},
        {**known, "digest": known["digest"][:-1]},
        {**known, "digest": ada.hash},
        {**known, "code": other[:8]},
        {**known, "code": "\x00" * 8},
        {"code": "é", "digest": "é"},
    ]
    for guess in guesses:
        answer = await browser.post("/redeem/sender", **guess)
        assert answer.status_code == 200
        assert answer.json() == {"name": "", "logo": None}, guess
    said = await browser.post("/redeem/sender", **known)
    assert said.json()["name"] == ada.desk.business.name
    business_id, user = ada.desk.business.business_id, await ada.desk.user(1)
    await database.write(lambda db: payout_users.set_status(db, business_id, user, "inactive"))
    said = await browser.post("/redeem/sender", **known)
    assert said.json()["name"] == "", "it opens nothing any more"


async def test_the_button_trades_the_hash_for_a_session_again_and_again(ada: Recipient) -> None:
    cookie = ada.browser.client.cookies["redeem"]
    assert ada.hash not in cookie
    page = await ada.get("balance")
    assert heading(page) == "Your balance"
    assert "$50.00" in page.text
    assert ada.desk.business.name in page.text
    again = await ada.enter(f" https://pay.example.com/redeem#{ada.hash} ")
    assert again.status_code == 303
    assert "httponly" in again.headers["set-cookie"].lower()
    assert "samesite=lax" in again.headers["set-cookie"].lower()
    assert ada.browser.client.cookies["redeem"] != cookie
    assert await _sessions(ada) == 1


async def test_what_opens_nothing_gets_one_page_that_reveals_nothing(
    ada: Recipient, application: Application, database: Database
) -> None:
    stranger = Browser.of(application)
    business_id = ada.desk.business.business_id
    old = ada.hash
    user = await ada.desk.user(1)
    wrong = [
        "",
        "x",
        "0" * 64,
        old[:-1] + ("0" if old[-1] != "0" else "1"),
        old.upper() if old.upper() != old else "A" * 64,
        f"{old[:8]}.{'A' * 43}",
        "\x00" * 64,
    ]
    texts = {text_of(await stranger.post("/redeem", link=link)) for link in wrong}
    await database.write(lambda db: payout_users.set_status(db, business_id, user, "inactive"))
    inactive = await stranger.post("/redeem", link=old)
    assert {*texts, text_of(inactive)} == {text_of(inactive)}
    assert inactive.status_code == 403
    assert not stranger.client.cookies
    assert EMAIL not in inactive.text
    assert ada.desk.business.name not in inactive.text


async def test_deactivation_and_another_hash_end_every_session_at_once(
    ada: Recipient, services: object, database: Database
) -> None:
    business_id = ada.desk.business.business_id
    user = await ada.desk.user(1)
    keyring = services.keyring  # type: ignore[attr-defined]  # Services
    assert (await ada.get("balance")).status_code == 200
    await database.write(
        lambda db: allocations.set_status(db, business_id, user, "inactive", "test")
    )
    assert (await ada.get("balance")).status_code == 401
    await database.write(lambda db: allocations.set_status(db, business_id, user, "active", "test"))
    assert (await ada.get("balance")).status_code == 200
    await database.write(lambda db: allocations.rotate_hash(db, keyring, business_id, user, "test"))
    ended = await ada.get("balance")
    assert ended.status_code == 401
    assert heading(ended) == "Open your link again"
    assert (await ada.enter()).status_code == 403


async def test_a_session_ends_when_it_is_left_idle_or_old(ada: Recipient, urls: Urls) -> None:
    for column, age in (("seen_at", "31 minutes"), ("created_at", "13 hours")):
        await ada.enter()
        assert (await ada.get("balance")).status_code == 200
        with psycopg.connect(urls.owner) as owner:
            owner.execute(
                f"UPDATE payout_user_sessions SET {column} = now() - interval '{age}'"  # type: ignore[arg-type]  # a test's own
            )
        assert (await ada.get("balance")).status_code == 401
    await ada.enter()
    kept = ada.browser.client.cookies["redeem"]
    left = await ada.browser.post("/redeem/leave")
    assert left.status_code == 303
    assert "You have left" in text_of(await ada.browser.get(left.headers["location"]))
    ada.browser.client.cookies.set("redeem", kept)
    assert (await ada.get("balance")).status_code == 401


async def test_a_ticket_opens_once_and_is_nobody_elses(
    ada: Recipient, application: Application, make_business: object
) -> None:
    business = ada.desk.business
    user = f"usr_{await ada.desk.user(1)}"
    made = await business.client.post(f"/payout/users/{user}/redeem-link")
    assert made.status_code == 201, made.text
    assert set(made.json()) == {"url", "expires_at"}
    address, _, ticket = made.json()["url"].partition("#")
    assert address.endswith("/redeem")
    assert ticket[:8] == ada.hash[:8]
    others = [Browser.of(application) for _ in range(4)]
    answers = await asyncio.gather(*(other.post("/redeem", link=ticket) for other in others))
    assert sorted(answer.status_code for answer in answers) == [303, 403, 403, 403]
    other_business = await make_business()  # type: ignore[operator]  # a fixture
    foreign = await other_business.client.post(f"/payout/users/{user}/redeem-link")
    assert foreign.status_code == 404
    entries = await ada.database.fetch(
        lambda db: audit.list_page(db, business.business_id, limit=5)
    )
    assert entries[0].act == "payout_user.make_redeem_link"
    assert ticket not in str(entries[0])


async def test_a_ticket_ends_after_minutes_and_with_the_hash(
    ada: Recipient, application: Application, urls: Urls
) -> None:
    business, stranger = ada.desk.business, Browser.of(application)
    user = f"/payout/users/usr_{await ada.desk.user(1)}"

    async def ticket() -> str:
        answer = await business.client.post(f"{user}/redeem-link")
        return str(answer.json()["url"])

    late = await ticket()
    with psycopg.connect(urls.owner) as owner:
        owner.execute("UPDATE redeem_tickets SET expires_at = now()")
    assert (await stranger.post("/redeem", link=late)).status_code == 403
    rotated = await ticket()
    assert (await business.client.post(f"{user}/rotate-hash")).is_success
    assert (await stranger.post("/redeem", link=rotated)).status_code == 403
    assert (await business.client.post(f"{user}/deactivate")).is_success
    assert (await business.client.post(f"{user}/redeem-link")).status_code == 409


async def test_the_hash_is_in_no_log_line_and_in_no_column(
    ada: Recipient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await ada.enter()
        await ada.enter(f"{ada.hash[:-1]}x")
        await ada.get("balance")
    assert ada.hash not in caplog.text
    token = ada.browser.client.cookies["redeem"]

    async def columns(db: object) -> list[str]:
        cursor = await db.execute(  # type: ignore[attr-defined]  # Connection
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            " AND table_type = 'BASE TABLE'"
        )
        tables = [row[0] for row in await cursor.fetchall()]
        texts = []
        for table in tables:
            try:
                rows = await (await db.execute(f'SELECT t::text FROM "{table}" t')).fetchall()  # type: ignore[attr-defined]
            except Exception:  # noqa: BLE001  # what the application may not read, it did not write
                continue
            texts += [row[0] for row in rows]
        return texts

    written = "\n".join(await ada.database.fetch(columns))
    assert EMAIL in written
    assert ada.hash[8:] not in written
    assert token[9:] not in written


async def test_forms_of_other_sites_let_nobody_in(ada: Recipient) -> None:
    answer = await ada.browser.client.post(
        "/redeem", data={"link": ada.hash}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_the_page_says_what_expires_and_when_and_that_somebody_was_here(
    ada: Recipient, database: Database, urls: Urls
) -> None:
    business = ada.desk.business
    await business.set(balance_lifetime_days=30)
    assert "back to the sender, unless" not in text_of(await ada.get("balance"))
    ageing.age(urls, business, 31)
    await ageing.look(database, business)
    assert "$50.00 of this goes back to the sender on" in text_of(await ada.get("balance"))
    assert await business.scalar(
        "SELECT seen_at IS NOT NULL FROM payout_users WHERE business_id = %s", business.business_id
    )


async def test_an_address_below_the_page_that_is_none_says_so_in_words(ada: Recipient) -> None:
    for path in ("nowhere", "withdraw/nothing", "withdrawals", "history/x/y"):
        answer = await ada.get(path)
        assert (answer.status_code, heading(answer)) == (404, "Nothing here"), path
        assert "To your balance" in answer.text
