"""Giving money back: once, no more than there is, and every book says who did it."""

import asyncio

import pytest

from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.ledger.verify import verify
from support.businesses import TestBusiness
from support.dashboard import Browser, heading, hidden, signed_in
from support.redeem import EMAIL, Recipient, text_of

pytestmark = pytest.mark.anyio

CONFIRM = "/redeem/give-back/confirm"


async def _confirmation(ada: Recipient, amount: str) -> dict[str, str]:
    """The fields of the confirmation for this amount."""
    page = await ada.browser.post("/redeem/give-back", amount=amount)
    assert page.status_code == 200, page.text
    return {name: hidden(page, name) for name in ("key", "cents")}


async def test_an_amount_goes_back_to_the_sender_once_and_every_book_says_so(
    ada: Recipient, database: Database, business: TestBusiness
) -> None:
    assert "/redeem/give-back" in (await ada.get("balance")).text
    assert heading(await ada.get("give-back")) == "Give money back"
    before = (await business.ledger())["payout"]
    page = await ada.browser.post("/redeem/give-back", amount="20")
    text = text_of(page)
    assert f"You give back $20.00 To {business.name} Left on your balance $30.00" in text
    assert await ada.balance() == 5_000
    fields = {name: hidden(page, name) for name in ("key", "cents")}
    answers = await asyncio.gather(*(ada.browser.post(CONFIRM, **fields) for _ in range(3)))
    again = await ada.browser.post(CONFIRM, **fields)
    assert {answer.headers["location"] for answer in [*answers, again]} == {
        "/redeem/balance?done=given-back"
    }
    assert await ada.balance() == 3_000
    assert (await business.ledger())["payout"] == before + 2_000
    assert "The sender has the money back." in (await ada.get("balance?done=given-back")).text
    assert "Given back by you" in text_of(await ada.get("history"))
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=9))
    [entry] = [each for each in entries if each.act == "payout_user.give_back"]
    assert entry.actor.startswith("payout_user:usr_")
    assert entry.detail["amount"] == 2_000
    operator = Browser(ada.browser.client)
    base = await signed_in(operator, database, business, "viewer")
    assert "given back by the payout user" in (await operator.get(f"{base}/balance")).text
    async with database.read() as connection:
        assert (await verify(connection)).ok


async def test_what_a_sender_takes_back_is_still_called_so(ada: Recipient) -> None:
    path = f"/payout/users/usr_{await ada.desk.user(1)}/revoke"
    answer = await ada.desk.business.client.post(path, json={"amount": 100})
    assert answer.is_success
    assert "Taken back by the sender" in text_of(await ada.get("history"))


@pytest.mark.parametrize("typed", ["", "x", "0", "-5", "50.01", "1e3", "9" * 30])
async def test_what_cannot_be_given_back_is_said_at_the_field(ada: Recipient, typed: str) -> None:
    page = await ada.browser.post("/redeem/give-back", amount=typed)
    assert page.status_code == 422
    assert 'id="amount-error"' in page.text
    assert await ada.balance() == 5_000


async def test_money_that_went_elsewhere_meanwhile_is_not_given_back(ada: Recipient) -> None:
    fields = await _confirmation(ada, "40")
    await ada.withdraw("paypal", amount="20", email=EMAIL, kind="spend")
    refused = await ada.browser.post(CONFIRM, **fields)
    assert refused.status_code == 409
    assert "Your balance is $30.00." in refused.text
    assert await ada.balance() == 3_000


async def test_only_a_confirmation_of_ones_own_gives_back(
    ada: Recipient, application: object
) -> None:
    fields = await _confirmation(ada, "40")
    stranger = Browser.of(application)  # type: ignore[arg-type]  # Application
    assert (await stranger.post(CONFIRM, **fields)).status_code == 401
    assert (await ada.browser.post(CONFIRM, cents="100")).status_code == 409
    assert (await ada.browser.post(CONFIRM, key=fields["key"], cents="-1")).status_code == 400
    foreign = await ada.browser.client.post(
        CONFIRM, data=fields, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert foreign.status_code == 403
    assert await ada.balance() == 5_000
