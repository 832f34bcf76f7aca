"""A code by mail before a withdrawal, where the business asks for one: without it no order is made,
by the page or by the API; it is good once, for a while, and guessing it is bounded. A code in a
mail that opens the page is bound to its address."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from payviox import ids
from payviox.auth import typed_codes
from payviox.auth.redemption import LinkEnded, Spoken
from payviox.auth.users import UserCaller
from payviox.db.pool import Database
from payviox.installation import keyring_of
from payviox.mails import outbox
from payviox.mails.model import Mail
from payviox.settings import Settings
from payviox.web.asgi import Application
from payviox.withdrawals import codes
from support.ageing import set_back
from support.dashboard import SITE, Browser, heading
from support.databases import Urls
from support.redeem import EMAIL, Recipient, text_of
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

HOME = {"email": "ada@example.com"}


@pytest.fixture
async def careful(ada: Recipient) -> Recipient:
    """Ada, whose business asks for a code before her first withdrawal."""
    await ada.desk.business.set(code_first=True)
    await ada.database.write(lambda db: db.execute("DELETE FROM mails"))
    await ada.database.write(lambda db: db.execute("DELETE FROM sign_in_attempts"))
    return ada


async def mails(ada: Recipient) -> list[Mail]:
    """The codes that were mailed, the newest first."""
    every = await ada.database.fetch(outbox.list_page, None, 100)
    return [mail for mail in every if mail.message == "code"]


async def code_in(ada: Recipient, settings: Settings, mail: Mail) -> str:
    """What the mail says when it is sent now; empty where it is not sent any more."""
    prepare = codes.prepares(keyring_of(settings), SITE)["code"]
    said: Any = await ada.database.write(prepare, mail)
    return str(said["code"]) if said else ""


async def to_code(ada: Recipient, amount: str = "20.00") -> str:
    """Confirm a withdrawal; the address where its code is typed."""
    review = await ada.review("paypal", amount=amount, **HOME)
    answer = await ada.browser.post(review)
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == f"{review}/code"
    return f"{review}/code"


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


async def test_the_code_of_the_mail_makes_the_order_once(
    careful: Recipient, settings: Settings
) -> None:
    ada = careful
    page = await ada.browser.get(await to_code(ada))
    assert heading(page) == "Enter the code we sent to a…@example.com"
    assert await ada.number_of_orders() == 0
    assert await ada.balance() == 5_000
    here = str(page.url.path)
    [mail] = await mails(ada)
    code = await code_in(ada, settings, mail)
    assert (len(code), code.isdecimal()) == (6, True)
    assert code not in str(mail.facts)
    refused = await ada.browser.post(here, code=wrong(code))
    assert refused.status_code == 422
    assert "This is not the code" in text_of(refused)
    assert await ada.balance() == 5_000
    done = await ada.browser.post(here, code=f" {code[:3]} {code[3:]} ")
    assert done.status_code == 303
    assert "/redeem/withdrawals/" in done.headers["location"]
    again = await ada.browser.post(here, code=code)
    assert again.headers["location"] == done.headers["location"]
    assert await ada.number_of_orders() == 1
    assert await ada.balance() == 3_000
    assert await code_in(ada, settings, mail) == ""
    await ada.withdraw("paypal", amount="10.00", **HOME)
    assert await ada.number_of_orders() == 2


async def test_a_code_that_is_sent_twice_before_the_order_is_made_leads_to_that_order(
    careful: Recipient, settings: Settings
) -> None:
    ada = careful
    here = await to_code(ada)
    [mail] = await mails(ada)
    code = await code_in(ada, settings, mail)
    quote_id = ids.parse(ids.QUOTE, here.split("/")[-2])
    assert quote_id is not None
    business_id = ada.desk.business.business_id
    user_id = await ada.desk.business.scalar(
        "SELECT payout_user_id FROM withdrawal_codes WHERE business_id = %s", business_id
    )
    caller = UserCaller(business_id, user_id, EMAIL, b"")
    assert await ada.database.write(codes.check, keyring_of(settings), caller, quote_id, code)
    assert await ada.number_of_orders() == 0  # the first press is just here
    answers = await asyncio.gather(*(ada.browser.post(here, code=code) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await ada.number_of_orders() == 1
    assert await ada.balance() == 3_000


async def test_the_api_makes_no_order_that_needs_a_code(careful: Recipient) -> None:
    ada = careful
    business = ada.desk.business
    body = {"provider": "paypal", "amount": 700, "paypal": HOME}
    async with business.client_with({"X-Payout-Hash": ada.hash}) as client:
        answer = await client.post("/payout/withdraw", json=body)
        assert answer.status_code == 409
        assert "code by mail" in answer.json()["error"]
        assert await ada.balance() == 5_000
        await business.set(code_first=False)
        assert (await client.post("/payout/withdraw", json=body)).status_code == 201


async def test_another_code_stops_the_one_before_and_is_not_sent_at_once(
    careful: Recipient, settings: Settings, urls: Urls
) -> None:
    ada = careful
    here = await to_code(ada)
    [first] = await mails(ada)
    old = await code_in(ada, settings, first)
    soon = await ada.browser.post(f"{here}/again")
    assert "after a minute" in text_of(await ada.browser.get(soon.headers["location"]))
    assert len(await mails(ada)) == 1
    _age(urls, 61)
    sent = await ada.browser.post(f"{here}/again")
    assert "Another code is on its way" in text_of(await ada.browser.get(sent.headers["location"]))
    second, _ = await mails(ada)
    new = await code_in(ada, settings, second)
    if old != new:
        assert (await ada.browser.post(here, code=old)).status_code == 422
    assert (await ada.browser.post(here, code=new)).status_code == 303


async def test_a_code_ends_after_ten_minutes(
    careful: Recipient, settings: Settings, urls: Urls
) -> None:
    ada = careful
    here = await to_code(ada)
    code = await code_in(ada, settings, (await mails(ada))[0])
    _age(urls, 601)
    assert (await ada.browser.post(here, code=code)).status_code == 422
    assert await code_in(ada, settings, (await mails(ada))[0]) == ""
    assert await ada.number_of_orders() == 0


async def test_guesses_are_bounded_for_all_processes_and_quotes_together(
    careful: Recipient, settings: Settings
) -> None:
    ada = careful
    here = await to_code(ada)
    code = await code_in(ada, settings, (await mails(ada))[0])
    answers = [(await ada.browser.post(here, code=wrong(code))).status_code for _ in range(8)]
    assert answers == [422] * 5 + [429] * 3
    assert (await ada.browser.post(here, code=code)).status_code == 429
    other = await to_code(ada, "10.00")
    assert (await ada.browser.post(other, code=code)).status_code == 429
    assert await ada.number_of_orders() == 0
    assert await ada.balance() == 5_000


async def test_guesses_are_bounded_for_a_day_too(
    careful: Recipient, settings: Settings, urls: Urls
) -> None:
    ada = careful
    here = await to_code(ada)
    code = await code_in(ada, settings, (await mails(ada))[0])
    window = set_back("tried_at", timedelta(minutes=16))
    answers = []
    for _ in range(5):
        answers += [(await ada.browser.post(here, code=wrong(code))).status_code for _ in range(5)]
        with urls.as_admin() as connection:
            connection.execute(f"UPDATE sign_in_attempts SET tried_at = {window}")
    assert answers == [422] * 20 + [429] * 5


async def test_mails_with_codes_are_bounded(careful: Recipient) -> None:
    ada = careful
    for _ in range(5):
        await to_code(ada)
    review = await ada.review("paypal", amount="20.00", **HOME)
    answer = await ada.browser.post(review)
    assert answer.status_code == 429
    assert "Too many codes" in text_of(answer)
    assert len(await mails(ada)) == 5


async def test_an_amount_asks_for_a_code_and_its_parts_do_not_go_around_it(
    ada: Recipient,
) -> None:
    await ada.desk.business.set(code_amount=3_000)
    await ada.withdraw("paypal", amount="20.00", **HOME)
    await to_code(ada, "10.00")
    await ada.withdraw("paypal", amount="9.99", **HOME)


async def test_a_browser_is_new_until_a_code_was_typed_in_it(
    ada: Recipient, settings: Settings, application: Application
) -> None:
    await ada.desk.business.set(code_new_device=True)
    await ada.database.write(lambda db: db.execute("DELETE FROM mails"))
    here = await to_code(ada, "1.00")
    code = await code_in(ada, settings, (await mails(ada))[0])
    answer = await ada.browser.post(here, code=code)
    assert answer.status_code == 303
    assert "redeem-device" in answer.headers["set-cookie"]
    await ada.withdraw("paypal", amount="1.00", **HOME)
    other = Browser.of(application)
    async with other.client:
        elsewhere = Recipient(ada.desk, other, ada.hash)
        await elsewhere.enter()
        await to_code(elsewhere, "1.00")


async def test_a_code_is_its_quotes_and_its_persons_alone(
    careful: Recipient, settings: Settings, application: Application
) -> None:
    ada = careful
    first = await to_code(ada, "1.00")
    second = await to_code(ada, "2.00")
    code = await code_in(ada, settings, (await mails(ada))[1])
    other = await code_in(ada, settings, (await mails(ada))[0])
    if code != other:
        assert (await ada.browser.post(second, code=code)).status_code == 422
    eve = Browser.of(application)
    async with eve.client:
        made = await ada.desk.business.create("eve@example.com", 5_000)
        await eve.post("/redeem", link=made.json()["hash"])
        assert (await eve.post(first, code=code)).status_code == 404
        assert (await eve.post(f"{first}/again")).status_code == 404
    quote = ids.parse(ids.QUOTE, first.split("/")[3])
    assert isinstance(quote, UUID)
    assert (await ada.browser.post(first, code=code)).status_code == 303
    assert await ada.number_of_orders() == 1


async def test_what_operators_do_needs_no_code(business: Any, database: Database) -> None:
    desk = Desk.of(business)
    user_id = await desk.user(700)
    order = await desk.withdraw(user_id, 700)
    await business.set(code_first=True, code_amount=1, code_new_device=True)
    await desk.cancel(order)
    assert (await business.ledger())["ada@example.com"] == 700


async def typed_code_of(ada: Recipient, settings: Settings) -> str:
    """The code of a mail to Ada."""
    business_id = ada.desk.business.business_id
    user_id = await ada.desk.business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s AND email = %s", business_id, EMAIL
    )
    return await ada.database.write(
        typed_codes.make, keyring_of(settings), UUID(int=5), business_id, user_id, EMAIL
    )


async def test_a_typed_code_opens_the_page_with_its_address_alone_however_it_is_typed(
    careful: Recipient, settings: Settings, application: Application
) -> None:
    ada = careful
    code = await typed_code_of(ada, settings)
    assert await typed_code_of(ada, settings) == code
    other = Browser.of(application)
    async with other.client:
        for link, email in (
            (code, "eve@example.com"),
            (code, ""),
            (f"{code[:-1]}{'0' if code[-1] != '0' else '1'}", EMAIL),
        ):
            refused = await other.post("/redeem", link=link, email=email)
            assert refused.status_code == 403
            assert "This link opens nothing" in text_of(refused)
        for typed in (code, f" {code.lower().replace('-', ' ').replace('0', 'o')} "):
            answer = await other.post("/redeem", link=typed, email=" Ada@Example.com ")
            assert answer.status_code == 303, answer.text
            assert "$50.00" in text_of(await other.get("/redeem/balance"))


async def test_on_a_business_own_host_codes_of_others_open_nothing(
    careful: Recipient, settings: Settings
) -> None:
    ada, keyring = careful, keyring_of(settings)
    code = typed_codes.read(await typed_code_of(ada, settings))
    assert code is not None
    sender = ada.hash[:8]
    with pytest.raises(LinkEnded):
        await ada.database.write(
            typed_codes.enter, keyring, EMAIL, code, Spoken("en", False), "", "00000000"
        )
    assert await ada.database.write(
        typed_codes.enter, keyring, EMAIL, code, Spoken("en", False), "", sender
    )


async def test_a_typed_code_stops_with_the_hash_and_after_a_month(
    careful: Recipient, settings: Settings, urls: Urls
) -> None:
    ada = careful
    code = await typed_code_of(ada, settings)
    assert (await ada.browser.post("/redeem", link=code, email=EMAIL)).status_code == 303
    with urls.as_admin() as connection:
        connection.execute("UPDATE redeem_codes SET expires_at = now()")
    assert (await ada.browser.post("/redeem", link=code, email=EMAIL)).status_code == 403
    with urls.as_admin() as connection:
        connection.execute("UPDATE redeem_codes SET expires_at = now() + interval '1 day'")
    await ada.database.write(lambda db: db.execute("UPDATE payout_users SET status = 'inactive'"))
    assert (await ada.browser.post("/redeem", link=code, email=EMAIL)).status_code == 403


async def test_guesses_at_a_typed_code_are_bounded_for_the_address_that_is_typed(
    careful: Recipient, settings: Settings
) -> None:
    ada = careful
    code = await typed_code_of(ada, settings)
    for number in range(10):
        guess = f"{number:010}"
        assert (await ada.browser.post("/redeem", link=guess, email=EMAIL)).status_code == 403
    assert (await ada.browser.post("/redeem", link=code, email=EMAIL)).status_code == 429
    assert (await ada.enter()).status_code == 303


def _age(urls: Urls, seconds: int) -> None:
    by = timedelta(seconds=seconds)
    with urls.as_admin() as connection:
        connection.execute(f"UPDATE withdrawal_codes SET sent_at = {set_back('sent_at', by)}")
        connection.execute(f"UPDATE mails SET created_at = {set_back('created_at', by)}")
