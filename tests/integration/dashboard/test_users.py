"""Payout users on pages: found, paid once, switched, taken back from, never by who may not."""

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import ids
from payviox.allocations import by_operators
from payviox.allocations.batcher import Batcher
from payviox.audit import service as audit
from payviox.auth import sessions
from payviox.auth.sessions import Session, SignedOut
from payviox.db.pool import Database
from payviox.keyring import Keyring
from payviox.payout_users import service as payout_users
from payviox.rights.roles import RIGHTS, ROLES, Role
from support import live
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, make_operator, signed_in
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(business: TestBusiness) -> Desk:
    return Desk.of(business)


@pytest.fixture
async def ada(desk: Desk) -> UUID:
    return await desk.user(5_000)


def address_of(base: str, user_id: UUID) -> str:
    return f"{base}/users/{ids.show(ids.USER, user_id)}"


def emails(text: str) -> list[str]:
    return re.findall(r"<bdi>([^<]*@[^<]*)</bdi></a>", text)


async def test_people_are_found_by_how_their_address_begins_or_by_id(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    for email in ("adam@example.com", "a_b@example.com", "bob@example.com"):
        await desk.user(100, email)
    page = await browser.get(f"{base}/users")
    assert heading(page) == "Users"
    assert len(emails(page.text)) == 4

    async def found(search: str) -> list[str]:
        answer = await browser.client.get(f"{base}/users", params={"search": search})
        assert answer.status_code == 200, search
        return emails(answer.text)

    assert await found(" ADA") == ["ada@example.com", "adam@example.com"]
    assert await found("ada@example.com") == ["ada@example.com"]
    assert await found(ids.show(ids.USER, ada)) == ["ada@example.com"]
    assert await found("a_") == ["a_b@example.com"]
    assert await found("b") == ["bob@example.com", "a_b@example.com"], "its beginning, then a word"
    for nobody in (
        "%",
        "a%",
        "zed",
        "example.com@",
        "ob@",
        "xample.com",
        ids.show(ids.USER, ids.new()),
        "\x00",
        "\x7f",
        "é",
        "x" * 900,
    ):
        assert await found(nobody) == []


async def test_people_are_found_by_their_last_name_and_their_domain_each_once(
    browser: Browser, database: Database, desk: Desk
) -> None:
    base = await signed_in(browser, database, desk.business)
    people = (
        "smith@home.example",
        "smithers@smith.example",
        "john.smith@work.example",
        "mary-ann_smith+news@work.example",
        "bob@smith.example",
        "al.smith@smith.example",
        "jones@smith-and-sons.example",
        "smi.th@work.example",
    )
    for email in people:
        await desk.user(100, email)

    async def found(search: str) -> list[str]:
        answer = await browser.client.get(f"{base}/users", params={"search": search})
        return emails(answer.text)

    assert await found("Smith") == [
        "smith@home.example",
        "smithers@smith.example",
        "al.smith@smith.example",
        "john.smith@work.example",
        "mary-ann_smith+news@work.example",
        "jones@smith-and-sons.example",
        "bob@smith.example",
    ]
    assert await found("@smith.example") == [
        "al.smith@smith.example",
        "bob@smith.example",
        "smithers@smith.example",
    ]
    assert await found("news") == []
    assert "john.smith@work.example" in (await browser.get(f"{base}/search?q=smith")).text


async def test_lists_and_searches_go_on_page_by_page(
    browser: Browser, database: Database, desk: Desk
) -> None:
    base = await signed_in(browser, database, desk.business)
    everybody = [f"p{number:02d}@example.com" for number in range(52)]
    items = [{"email": email, "amount": 1} for email in everybody]
    answer = await desk.business.client.post("/payout/batch", json={"items": items})
    assert answer.status_code < 300, answer.text
    for tail in ("", "?search=p", "?search=example", "?search=@example.com"):
        first = await browser.get(f"{base}/users{tail}")
        older = first.text.partition('rel="next"')[0].rpartition('href="')[2].partition('"')[0]
        second = await browser.get(older.replace("&amp;", "&"))
        assert len(emails(first.text)) == 50
        assert sorted(emails(first.text) + emails(second.text)) == everybody


async def test_a_search_goes_on_from_one_way_of_being_found_to_the_next(
    database: Database, desk: Desk
) -> None:
    everybody = [
        email
        for number in range(20)
        for email in (
            f"acme{number}@x.example",
            f"p{number}.acme@x.example",
            f"p{number}@acme.example",
        )
    ]
    items = [{"email": email, "amount": 1} for email in everybody]
    answer = await desk.business.client.post("/payout/batch", json={"items": items})
    assert answer.status_code < 300, answer.text
    found: list[str] = []
    for size in (7, 13, 20, 33):
        seen: list[str] = []
        after = None
        while True:
            page = await database.fetch(
                payout_users.search, desk.business.business_id, "acme", after, size
            )
            if not page:
                break
            seen += [user.email for user in page]
            after = page[-1].id
        assert sorted(seen) == sorted(everybody), "each once"
        assert seen == (found or seen)
        found = seen


async def test_a_persons_page_says_where_all_of_their_money_is(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    await desk.withdraw(ada, 1_000)
    await desk.process()
    await desk.hurry()
    await desk.process()
    await desk.business.set(review_amount=100)
    await desk.withdraw(ada, 700)
    page = await browser.get(address_of(base, ada))
    assert heading(page) == "ada@example.com"
    figures = re.findall(r'<span class="label">([^<]+)</span>.*?>(\$[\d.]+)<', page.text)
    assert figures == [("Unspent", "$33.00"), ("In transit", "$7.00"), ("Withdrawn", "$10.00")]
    strip = page.text.partition('aria-labelledby="next"')[2].partition("</section>")[0]
    assert strip.count("<tr>") == 2, "a head and the order in review"
    assert "<bdi>a…@example.com</bdi>" in strip
    assert "The amount is at or above the business&#39;s review amount." in strip
    assert "Look at the order, then approve or reject it." in strip
    for name in ("Deactivate", "Add funds", "Revoke", "Rotate hash"):
        assert re.search(rf"<button[^>]*>{name}</button>", page.text), name


async def test_money_is_added_once_however_often_the_form_is_sent(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business, "finance")
    address = f"{address_of(base, ada)}/add-funds"
    assert 'name="amount"' in (await browser.get(address)).text
    page = await browser.get(f"{address}?amount=1%2C234.5")
    assert "$1,234.50" in page.text
    assert "ada@example.com" in page.text
    form = {"key": hidden(page, "key"), "cents": hidden(page, "cents")}
    answers = await asyncio.gather(*(browser.post(address, **form) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {303}
    assert (await desk.business.ledger())["ada@example.com"] == 5_000 + 123_450
    actor = await desk.business.scalar(
        "SELECT actor FROM transfers WHERE business_id = %s AND amount = 123450",
        desk.business.business_id,
    )
    assert actor.startswith("operator:op_")
    other = await browser.post(address, **(form | {"cents": "1"}))
    assert other.status_code == 409
    assert (await desk.business.ledger())["ada@example.com"] == 5_000 + 123_450


@pytest.mark.parametrize(
    "amount", ["", "abc", "-5", "0", "1.234,50", "1,5", "1.234", "12,34.00", "1e3", "9999999999"]
)
async def test_an_amount_that_is_none_is_said_beside_the_field(
    browser: Browser, database: Database, desk: Desk, ada: UUID, amount: str
) -> None:
    base = await signed_in(browser, database, desk.business)
    for verb in ("add-funds", "revoke"):
        answer = await browser.client.get(
            f"{address_of(base, ada)}/{verb}", params={"amount": amount}
        )
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text


async def test_forms_that_name_no_amount_or_have_no_key_do_nothing(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    for verb in ("add-funds", "revoke"):
        for form in (
            {},
            {"cents": "100"},
            {"cents": "-100", "key": "form:1"},
            {"cents": "10" * 9, "key": "form:1"},
            {"cents": "\u0661", "key": "form:1"},
            {"cents": "1", "key": "é"},
        ):
            answer = await browser.post(f"{address_of(base, ada)}/{verb}", **form)
            assert answer.status_code in (400, 409), (verb, form)
    assert (await desk.business.ledger())["ada@example.com"] == 5_000


async def test_refused_allocations_are_explained_and_pay_nothing(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    address = f"{address_of(base, ada)}/add-funds"
    too_much = await browser.post(address, key="form:1", cents="100000000")
    assert too_much.status_code == 409
    assert "Insufficient payout balance. Nothing was added." in too_much.text
    await browser.post(f"{address_of(base, ada)}/deactivate")
    assert (await browser.post(address, key="form:2", cents="1")).status_code == 409
    await desk.business.set(payouts_enabled=False)
    assert (await browser.post(address, key="form:3", cents="1")).status_code == 409
    assert (await desk.business.ledger())["ada@example.com"] == 5_000


async def test_unspent_money_is_taken_back_once_and_never_more_than_there_is(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    address = f"{address_of(base, ada)}/revoke"
    assert 'value="50.00"' in (await browser.get(address)).text
    page = await browser.get(f"{address}?amount=20")
    form = {"key": hidden(page, "key"), "cents": hidden(page, "cents")}
    answers = await asyncio.gather(*(browser.post(address, **form) for _ in range(2)))
    assert {answer.status_code for answer in answers} == {303}
    assert "back in the payout balance" in (await browser.get(answers[0].headers["location"])).text
    assert (await desk.business.ledger())["ada@example.com"] == 3_000
    spent = await browser.post(address, key="form:1", cents="3001")
    assert spent.status_code == 409
    assert (await desk.business.ledger())["ada@example.com"] == 3_000


async def test_deactivated_and_activated_again(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    answer = await browser.post(f"{address_of(base, ada)}/deactivate")
    page = await browser.get(answer.headers["location"])
    assert "Activate</button>" in page.text
    assert "Deactivate</button>" not in page.text
    assert "Add funds</button>" not in page.text
    await browser.post(f"{address_of(base, ada)}/activate")
    user = await database.fetch(payout_users.get, desk.business.business_id, ada)
    assert user.status == "active"


async def test_a_rotated_hash_is_shown_once_and_the_old_one_stops(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    old = (await desk.business.create("ada@example.com", 1)).json()["hash"]
    page = await browser.get(f"{address_of(base, ada)}/rotate-hash")
    form = {"key": hidden(page, "key")}
    shown = await browser.post(f"{address_of(base, ada)}/rotate-hash", **form)
    made = re.search(r'class="secret"[^>]*>([0-9a-f]{64})<', shown.text)
    assert made is not None
    assert made[1] != old
    assert shown.headers["cache-control"] == "no-store"
    again = await browser.post(f"{address_of(base, ada)}/rotate-hash", **form)
    assert "rotated already" in again.text
    assert made[1] not in again.text
    assert (await desk.business.create("ada@example.com", 1)).json()["hash"] == made[1]


ACTIONS = {
    "add-funds": "allocation.create",
    "revoke": "payout_user.revoke",
    "deactivate": "payout_user.deactivate",
    "rotate-hash": "payout_user.rotate_hash",
}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_does_as_the_table_says_whatever_the_page_shows(
    browser: Browser, database: Database, desk: Desk, ada: UUID, role: Role
) -> None:
    base = await signed_in(browser, database, desk.business, role)
    page = await browser.get(address_of(base, ada))
    assert page.status_code == 200
    before = await desk.business.ledger()
    for number, (verb, right) in enumerate(ACTIONS.items()):
        may = right in RIGHTS[role]
        assert (f"/{verb}" in page.text) == may
        form = {"key": f"form:{number}", "cents": "100"}
        answer = await browser.post(f"{address_of(base, ada)}/{verb}", **form)
        assert answer.status_code == (403 if not may else 200 if verb == "rotate-hash" else 303)
        await desk.write(
            lambda db: payout_users.set_status(db, desk.business.business_id, ada, "active")
        )
    if "allocation.create" not in RIGHTS[role]:
        assert await desk.business.ledger() == before
        entries = await database.fetch(
            lambda db: audit.list_page(db, desk.business.business_id, limit=50)
        )
        assert not [entry for entry in entries if entry.act.startswith("payout_user")]


async def test_another_organizations_people_are_not_there(
    browser: Browser, database: Database, desk: Desk, ada: UUID, make_business: Any
) -> None:
    own = await signed_in(browser, database, await make_business())
    for base in (own, base_of(desk.business)):
        for tail in ("", "/add-funds", "/revoke", "/rotate-hash"):
            assert (await browser.get(address_of(base, ada) + tail)).status_code == 404
        for verb in ("add-funds", "revoke", "rotate-hash", "activate", "deactivate"):
            form = {"key": "form:1", "cents": "1"}
            answer = await browser.post(f"{address_of(base, ada)}/{verb}", **form)
            assert answer.status_code == 404
    answer = await browser.get(f"{own}/users?search={ids.show(ids.USER, ada)}")
    assert emails(answer.text) == []
    assert (await desk.business.ledger())["ada@example.com"] == 5_000


async def test_forms_of_other_sites_move_nothing(
    browser: Browser, database: Database, desk: Desk, ada: UUID
) -> None:
    base = await signed_in(browser, database, desk.business)
    for verb in ACTIONS:
        answer = await browser.client.post(
            f"{address_of(base, ada)}/{verb}",
            data={"key": "form:1", "cents": "100"},
            headers={"Sec-Fetch-Site": "cross-site"},
        )
        assert answer.status_code == 403
    assert (await desk.business.ledger())["ada@example.com"] == 5_000


async def test_who_was_signed_out_meanwhile_pays_nobody(database: Database, desk: Desk) -> None:
    await desk.user(5_000)
    operator_id = await make_operator(database, "gone@example.com", desk.business, "owner")
    ended = Session(
        uuid4(),
        operator_id,
        "gone@example.com",
        is_admin=False,
        is_fresh=True,
        digest=sessions.digest_of("x"),
    )
    batcher = Batcher(database, Keyring(live.SECRET_KEY))
    with pytest.raises(SignedOut):
        await by_operators.allocate(
            batcher, ended, desk.business.business_id, "ada@example.com", 1, "form:1"
        )
    assert (await desk.business.ledger())["ada@example.com"] == 5_000
