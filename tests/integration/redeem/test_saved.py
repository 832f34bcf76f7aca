"""Those who come often: destinations they save, and balances that go out by themselves: once, by
the same rules as by hand, and not before a new destination has waited."""

import asyncio
from typing import Any

import psycopg
import pytest

from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.destinations import automatic
from payviox.destinations.automatic import withdraw_due
from payviox.destinations.model import Due
from payviox.errors import OutcomeUnknown
from payviox.ledger.verify import verify
from payviox.rails.orders import ReadyOrder
from payviox.web.context import Services
from payviox.withdrawals.routing import Rails
from support.businesses import TestBusiness
from support.dashboard import Browser, heading
from support.databases import Urls
from support.redeem import EMAIL, WALLET, Recipient, text_of
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


async def _save(ada: Recipient, email: str = EMAIL) -> str:
    """Save where a withdrawal of $5.00 went; the destination's id."""
    order = await ada.withdraw("paypal", amount="5", email=email, kind="spend")
    answer = await ada.browser.post(f"{order}/save")
    assert answer.headers["location"] == "/redeem/saved?done=saved"
    page = await ada.get("saved")
    return page.text.partition('name="destination" value="')[2].partition('"')[0]


async def _switch_on(ada: Recipient, destination: str, above: str = "20") -> None:
    answer = await ada.browser.post("/redeem/saved/automatic", destination=destination, above=above)
    assert answer.headers["location"] == "/redeem/saved?done=automatic", answer.text


def _age(urls: Urls, hours: int = 25) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "UPDATE saved_destinations SET created_at = now() - make_interval(hours => %s)", [hours]
        )


def _hurry(urls: Urls) -> None:
    with psycopg.connect(urls.owner) as owner:
        owner.execute("UPDATE automatic_withdrawals SET due_at = now() - interval '1 s'")


async def _mails(business: TestBusiness) -> list[dict[str, Any]]:
    async def work(db: Any) -> list[dict[str, Any]]:
        cursor = await db.execute(
            "SELECT recipient, facts FROM mails WHERE business_id = %s"
            " AND message = 'destination_changed' ORDER BY id",
            [business.business_id],
        )
        return [{"to": row[0], **row[1]} for row in await cursor.fetchall()]

    found: list[dict[str, Any]] = await business.database.fetch(work)
    return found


async def test_a_destination_is_saved_from_an_order_used_again_and_removed(
    ada: Recipient, business: TestBusiness, database: Database
) -> None:
    assert "Nothing is saved yet" in (await ada.get("saved")).text
    destination = await _save(ada, "other@example.com")
    page = await ada.get("saved")
    assert heading(page) == "Saved destinations"
    assert ">other@example.com<" in page.text
    assert "New: nothing goes there by itself before" in text_of(page)
    form = await ada.get(f"withdraw/paypal?saved={destination}")
    assert 'value="other@example.com"' in form.text
    order = await ada.withdraw("paypal", amount="5", email="other@example.com", kind="spend")
    await ada.browser.post(f"{order}/save")
    assert (await ada.get("saved")).text.count("/remove") == 1
    removed = await ada.browser.post(f"/redeem/saved/{destination}/remove")
    assert removed.headers["location"] == "/redeem/saved?done=removed"
    assert (await ada.browser.post(f"/redeem/saved/{destination}/remove")).status_code == 404
    mails = await _mails(business)
    assert [(mail["to"], mail["is_removed"], mail["place"]) for mail in mails] == [
        (EMAIL, False, "o…@example.com"),
        (EMAIL, True, "o…@example.com"),
    ]
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=9))
    acts = [entry.act for entry in entries]
    assert acts[:2] == ["payout_user.remove_destination", "payout_user.save_destination"]
    assert "other@example.com" not in str(entries)


async def test_a_wallet_is_saved_with_its_network(ada: Recipient) -> None:
    order = await ada.withdraw(
        "crypto", amount="20", network="ERC20 USDC", address=WALLET, kind="spend"
    )
    await ada.browser.post(f"{order}/save")
    page = await ada.get("saved")
    assert "0x5290…9EE7 (USDC, Ethereum)" in page.text
    use = page.text.partition('href="/redeem/withdraw/crypto?saved=')[2].partition('"')[0]
    form = await ada.get(f"withdraw/crypto?saved={use}")
    assert WALLET in form.text
    assert '<option value="ERC20 USDC" selected>' in form.text


async def test_a_balance_goes_out_by_itself_once_the_destination_has_waited(
    ada: Recipient, services: Services, urls: Urls, database: Database, business: TestBusiness
) -> None:
    await _switch_on(ada, await _save(ada))
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 4_500, "a new destination waits"
    _age(urls, 23)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 4_500
    _age(urls)
    await asyncio.gather(*(withdraw_due(database, services.rails) for _ in range(3)))
    assert await ada.balance() == 0
    assert await ada.number_of_orders() == 2
    await ada.desk.process()
    await business.create(EMAIL, 1_999)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 1_999, "less than was said"
    await business.create(EMAIL, 1)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 0
    [mail] = [each for each in await _mails(business) if each["is_automatic"]]
    assert (mail["above"], mail["place"]) == ("$20.00", "a…@example.com")
    async with database.read() as connection:
        assert (await verify(connection)).ok


async def test_nothing_goes_out_where_it_was_switched_off_removed_or_may_not(
    ada: Recipient, services: Services, urls: Urls, database: Database
) -> None:
    destination = await _save(ada)
    await _switch_on(ada, destination)
    _age(urls)
    assert (await ada.browser.post("/redeem/saved/automatic/off")).status_code == 303
    await withdraw_due(database, services.rails)
    await _switch_on(ada, destination)
    user = f"/payout/users/usr_{await ada.desk.user(1)}"
    client = ada.desk.business.client
    assert (await client.post(f"{user}/deactivate")).is_success
    await withdraw_due(database, services.rails)
    assert (await client.post(f"{user}/activate")).is_success
    await ada.desk.business.set(withdrawals_enabled=False)
    await withdraw_due(database, services.rails)
    await ada.desk.business.set(withdrawals_enabled=True)
    assert await ada.balance() == 4_501
    assert "a price could not be had" in text_of(await ada.get("saved"))
    assert (await ada.browser.post(f"/redeem/saved/{destination}/remove")).status_code == 303
    _hurry(urls)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 4_501
    assert await ada.number_of_orders() == 1


async def test_reviews_and_limits_hold(
    ada: Recipient, services: Services, urls: Urls, database: Database
) -> None:
    destination = await _save(ada)
    _age(urls)
    await ada.desk.business.set(min_withdrawal=10_000)
    await _switch_on(ada, destination)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 4_500
    assert "cannot be paid just now" in text_of(await ada.get("saved"))
    await ada.desk.business.set(min_withdrawal=100, max_withdrawal=3_000, review_amount=100)
    _hurry(urls)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 1_500
    waiting = await ada.desk.business.scalar(
        "SELECT count(*) FROM orders WHERE business_id = %s AND status = 'review'",
        ada.desk.business.business_id,
    )
    assert waiting == 1


async def test_where_the_business_asks_for_a_mailed_code_nothing_goes_by_itself(
    ada: Recipient, services: Services, urls: Urls, database: Database
) -> None:
    destination = await _save(ada)
    _age(urls)
    await ada.desk.business.set(code_amount=100)
    await _switch_on(ada, destination)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 4_500
    assert "a code that is mailed" in text_of(await ada.get("saved"))


async def test_a_fee_of_more_than_was_said_keeps_the_money(
    ada: Recipient,
    services: Services,
    urls: Urls,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = await ada.withdraw(
        "crypto", amount="20", network="ERC20 USDC", address=WALLET, kind="spend"
    )
    await ada.browser.post(f"{order}/save")
    page = await ada.get("saved")
    await _switch_on(ada, page.text.partition('name="destination" value="')[2].partition('"')[0])
    _age(urls)
    with monkeypatch.context() as patched:
        patched.setattr(automatic, "LEAST_OF_FEE", 1_000)
        await withdraw_due(database, services.rails)
    assert await ada.balance() == 3_000
    assert "more than a tenth" in text_of(await ada.get("saved"))
    _hurry(urls)
    await withdraw_due(database, services.rails)
    assert await ada.balance() == 0


async def test_after_a_restore_nothing_goes_out_until_it_is_set_again(
    ada: Recipient, services: Services, urls: Urls, database: Database
) -> None:
    destination = await _save(ada)
    await _switch_on(ada, destination)
    _age(urls)
    with psycopg.connect(urls.owner) as owner:
        before = owner.execute("SELECT restored_at FROM installation").fetchone()
        owner.execute("UPDATE installation SET restored_at = now()")
    try:
        await withdraw_due(database, services.rails)
        assert await ada.balance() == 4_500
        await _switch_on(ada, destination)
        await withdraw_due(database, services.rails)
        assert await ada.balance() == 0
    finally:
        with psycopg.connect(urls.owner) as owner:
            owner.execute("UPDATE installation SET restored_at = %s", before)


@pytest.mark.parametrize(
    "fields", [{"above": "x"}, {"above": "0"}, {"above": ""}, {"destination": "dst_x"}]
)
async def test_what_is_wrong_is_said_beside_the_field(
    ada: Recipient, fields: dict[str, str]
) -> None:
    destination = await _save(ada)
    typed = {"destination": destination, "above": "20"} | fields
    page = await ada.browser.post("/redeem/saved/automatic", **typed)
    assert page.status_code == 422
    [name] = fields
    assert f'id="{name}-error"' in page.text


async def test_no_more_than_ten_are_saved(ada: Recipient) -> None:
    await ada.desk.business.set(min_withdrawal=1, review_velocity_orders=None)
    for number in range(11):
        order = await ada.withdraw(
            "paypal", amount="1", email=f"p{number}@example.com", kind="spend"
        )
        answer = await ada.browser.post(f"{order}/save")
        assert answer.status_code == (303 if number < 10 else 409)
    assert "No more destinations" in answer.text


async def test_destinations_are_nobody_elses(
    ada: Recipient, application: object, business: TestBusiness
) -> None:
    destination = await _save(ada, "other@example.com")
    order = await ada.withdraw("paypal", amount="5", email=EMAIL, kind="spend")
    eve = Browser.of(application)  # type: ignore[arg-type]  # Application
    theirs = (await business.create("eve@example.com", 5_000)).json()["hash"]
    await eve.post("/redeem", link=theirs)
    assert (await eve.post(f"{order}/save")).status_code == 404
    assert (await eve.post(f"/redeem/saved/{destination}/remove")).status_code == 404
    set_ = await eve.post("/redeem/saved/automatic", destination=destination, above="20")
    assert set_.status_code == 404
    form = await eve.get(f"/redeem/withdraw/paypal?saved={destination}")
    assert "other@example.com" not in form.text
    foreign = await ada.browser.client.post(
        "/redeem/saved/automatic",
        data={"destination": destination, "above": "20"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert foreign.status_code == 403


async def test_businesses_take_turns_however_much_is_due_in_one_of_them(
    make_business: Any,
    services: Services,
    urls: Urls,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(automatic, "AT_ONCE", 1)
    busy, quiet = await make_business(funds=100_000), await make_business(funds=100_000)
    for business, number in ((busy, 4), (quiet, 1)):
        await _several_due(business, number, urls)
    await withdraw_due(database, services.rails)
    ours = (busy.business_id, quiet.business_id)
    orders = await busy.rows(
        "SELECT business_id FROM orders WHERE business_id IN (%s, %s) ORDER BY id", ours[1]
    )
    made = [business_id for (business_id,) in orders]
    assert sorted(made) == sorted([ours[0]] * 4 + [ours[1]])
    assert ours[1] in made[:2]


async def test_whose_money_is_gone_meanwhile_holds_up_nobody_else(
    make_business: Any,
    services: Services,
    urls: Urls,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    business = await make_business(funds=100_000)
    emails = await _several_due(business, 5, urls)
    prepare, desk = automatic._prepare, Desk.of(business)

    async def spent(database: Database, rails: Rails, due: Due) -> ReadyOrder:
        ready = await prepare(database, rails, due)
        if due.email == emails[2]:
            await desk.withdraw(due.payout_user_id, 1, email=due.email)
        return ready

    monkeypatch.setattr(automatic, "_prepare", spent)
    await withdraw_due(database, services.rails)
    books = await business.ledger()
    assert [books[email] for email in emails] == [0, 0, 4_999, 0, 0]
    held = await business.rows(
        "SELECT u.email, a.held_back FROM automatic_withdrawals a JOIN payout_users u"
        " ON u.business_id = a.business_id AND u.id = a.payout_user_id WHERE a.business_id = %s"
    )
    assert dict(held) == {email: "limits" if email == emails[2] else None for email in emails}


async def test_what_was_made_without_an_answer_is_not_made_again_however_much_there_is(
    make_business: Any,
    services: Services,
    urls: Urls,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    business = await make_business(funds=100_000)
    emails = await _several_due(business, 3, urls)
    write = database.write
    lost: list[object] = []

    async def losing(work: Any, *arguments: Any, **options: Any) -> Any:
        done = await write(work, *arguments, **options)
        if work is automatic._make and not lost:
            lost.append(work)
            for email in emails:
                assert (await business.create(email, 7_000)).status_code == 201
            raise OutcomeUnknown
        return done

    monkeypatch.setattr(database, "write", losing)
    await withdraw_due(database, services.rails)
    assert lost
    made = await business.rows(
        "SELECT u.email, o.amount FROM orders o JOIN payout_users u"
        " ON u.business_id = o.business_id AND u.id = o.payout_user_id WHERE o.business_id = %s"
    )
    assert sorted(made) == [(email, amount) for email in emails for amount in (5_000, 7_000)]
    assert (await business.ledger())["in_transit:sandbox"] == 36_000


async def _several_due(business: TestBusiness, number: int, urls: Urls) -> list[str]:
    """The addresses of so many people whose money is to go out by itself now."""
    emails = [f"user{each}@example.com" for each in range(number)]
    for email in emails:
        await _due(business, email, urls)
    return emails


async def _due(business: TestBusiness, email: str, urls: Urls) -> None:
    """Money that is to go out by itself now."""
    assert (await business.create(email, 5_000)).status_code == 201
    with psycopg.connect(urls.owner) as owner:
        owner.execute(
            "WITH person AS (SELECT business_id, id FROM payout_users"
            "   WHERE business_id = %(business)s AND email = %(email)s),"
            " saved AS (INSERT INTO saved_destinations"
            "   (business_id, id, payout_user_id, provider, destination, created_at)"
            "   SELECT business_id, gen_random_uuid(), id, 'paypal',"
            "     json_build_object('email', %(email)s::text)::jsonb, now() - interval '2 days'"
            "   FROM person RETURNING business_id, id, payout_user_id)"
            " INSERT INTO automatic_withdrawals"
            " (business_id, payout_user_id, destination_id, above)"
            " SELECT business_id, payout_user_id, id, 1000 FROM saved",
            {"business": business.business_id, "email": email},
        )
