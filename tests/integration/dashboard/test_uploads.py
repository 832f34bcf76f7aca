"""Uploads on pages: every row checked before anything moves, confirmed as shown, paid once each,
known again; never by who may not."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from payviox import actors
from payviox.actors import Actor
from payviox.allocations import service as allocations
from payviox.allocations.batcher import Batcher
from payviox.allocations.model import own_key
from payviox.allocations.uploads import service as uploads
from payviox.allocations.uploads.paying import UPLOAD
from payviox.approvals.service import NothingSigned, Refused
from payviox.audit import service as audit
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Role
from payviox.web import request_body
from payviox.web.asgi import Application
from payviox.withdrawals import service as withdrawals
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, heading, hidden, make_operator, signed_in
from support.databases import Urls
from support.uploads import button, checked, confirm, csv_of, form_of, id_of, pay, send
from support.withdrawals import Desk

pytestmark = pytest.mark.anyio

THREE = csv_of("ada@example.com,12.50,r1", "bob@example.com,5,r2", "carl@example.com,7.25,r3")
PAID = {"ada@example.com": 1_250, "bob@example.com": 500, "carl@example.com": 725}


@pytest.fixture
async def base(browser: Browser, database: Database, business: TestBusiness) -> str:
    return await signed_in(browser, database, business, "finance")


@pytest.fixture
async def other(application: Application) -> AsyncIterator[Browser]:
    """A second person's browser."""
    opened = Browser.of(application)
    async with opened.client:
        yield opened


def people(ledger: Any) -> dict[str, int]:
    return {name: cents for name, cents in ledger.balances.items() if "@" in name}


async def acts(database: Database, business: TestBusiness) -> list[str]:
    entries = await database.fetch(lambda db: audit.list_page(db, business.business_id, limit=50))
    return [entry.act for entry in entries if entry.act.startswith("upload.")]


async def test_a_file_is_checked_confirmed_and_paid_and_its_receipt_says_so(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    page = await browser.get(f"{base}/allocate/upload")
    assert heading(page) == "Allocate"
    address = await checked(browser, base, THREE)
    page = await browser.get(address)
    assert button(page) == "Allocate to 3 people"
    for part in ("$24.75", "in 3 payments", "3 of them new", "3 people get"):
        assert part in page.text, part
    assert people(await business.ledger()) == {}, "nothing moves before it is confirmed"
    answer = await confirm(browser, address)
    assert answer.status_code == 303, answer.text
    assert people(await business.ledger()) == {}, "the worker pays, not the page"
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID
    receipt = await browser.get(answer.headers["location"])
    assert "3 of 3 paid" in receipt.text
    assert re.search(r"[0-9a-f]{64}", receipt.text)
    results = (await browser.get(f"{address}/results.csv")).text.splitlines()
    assert re.fullmatch(
        r'"ada@example.com","12.50","r1",2,"paid","",12.50,"usr_[0-9a-f-]{36}","trf_[0-9]+",'
        r'"[0-9a-f]{64}"',
        results[1],
    )
    assert await acts(database, business) == ["upload.start"]
    reference = await business.scalar(
        "SELECT reference FROM transfers WHERE business_id = %s AND amount = 1250",
        business.business_id,
    )
    assert reference == "r1"


async def test_what_came_as_excel_is_downloaded_as_excel_with_why_and_can_be_sent_again(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["Email", "Amount", "Reference"],
        ["ada@example.com", 12.5, "0071"],
        ["bob@example.com", "1.234", "0072"],
        ["carl", 3, "=1+1"],
    ):
        book.active.append(row)
    book.active["C4"].data_type = "s"
    book.save(content := io.BytesIO())
    address = await checked(browser, base, content.getvalue(), "may.xlsx")
    page = await browser.get(address)
    assert f'href="{address}/problems.xlsx"' in page.text
    problems = openpyxl.load_workbook(
        io.BytesIO((await browser.get(f"{address}/problems.xlsx")).content)
    ).active
    header, first, second = problems.values
    assert header == ("Email", "Amount", "Reference", "Row", "Problem")
    assert first[:4] == ("bob@example.com", "1.234", "0072", 3)
    assert second[:4] == ("carl", "3", "=1+1", 4)
    assert [cell.data_type for cell in problems["C"]] == ["s", "s", "s"], "no cell is a formula"
    problems["B2"], problems["A3"], problems["C3"] = "1234", "carl@example.com", "0073"
    problems.parent.save(mended := io.BytesIO())
    again = await browser.get(await checked(browser, base, mended.getvalue(), "mended.xlsx"))
    assert button(again) == "Allocate to 2 people"
    await confirm(browser, address)
    await pay(database, business.business_id)
    assert f'href="{address}/results.xlsx"' in (await browser.get(address)).text
    results = openpyxl.load_workbook(
        io.BytesIO((await browser.get(f"{address}/results.xlsx")).content)
    ).active
    paid, refused = list(results.values)[1:3]
    assert paid[2:7] == ("0071", 2, "paid", None, 12.5)
    assert refused[4] == "cannot be paid"


async def test_what_was_confirmed_is_paid_however_many_others_wait_for_their_turn(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    base: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await confirm(browser, await checked(browser, base, THREE))
    monkeypatch.setattr(Batcher, "_full", lambda *_: True)
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID


async def test_the_button_sent_again_or_twice_at_once_pays_once(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    address = await checked(browser, base, THREE)
    page = await browser.get(address)
    form = {
        "key": hidden(page, "key"),
        "chosen": "1",
        "payments": "3",
        "cents": "2475",
        "due": "",
    }
    answers = await asyncio.gather(
        *(browser.post(f"{address}/start", **form) for _ in range(3)),
    )
    assert {answer.status_code for answer in answers} == {303}
    other = await browser.post(f"{address}/start", **(form | {"key": "form:other"}))
    assert other.status_code == 409
    assert "confirmed already" in other.text
    await asyncio.gather(*(pay(database, business.business_id) for _ in range(3)))
    assert people(await business.ledger()) == PAID
    assert await acts(database, business) == ["upload.start"]


async def test_the_same_file_again_says_what_was_paid_and_pays_only_the_rest(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    first = await checked(browser, base, THREE)
    await confirm(browser, first)
    await pay(database, business.business_id)
    again = await checked(browser, base, THREE)
    page = await browser.get(again)
    assert "3 of 3 were paid already" in page.text
    assert button(page) is None
    assert "nothing left to allocate" in page.text
    more = await checked(
        browser, base, THREE + b"dora@example.com,1,r4\nada@example.com,12.50,r1\n"
    )
    page = await browser.get(more)
    assert "Rows that an earlier upload pays: 3, " in page.text
    assert button(page) == "Allocate to 1 person"
    await confirm(browser, more)
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID | {"dora@example.com": 100}
    results = (await browser.get(f"{more}/results.csv")).text
    assert results.count('"left out","Left to an earlier upload."') == 3
    assert '6,"left out","Repeats row 2."' in results


async def test_two_uploads_of_one_file_that_are_confirmed_at_once_pay_it_once(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    addresses = [await checked(browser, base, THREE) for _ in range(3)]
    answers = await asyncio.gather(*(confirm(browser, address) for address in addresses))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409]
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID


async def test_a_person_may_pay_what_seems_paid_already(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    await business.create("ada@example.com", 500)
    content = csv_of("ada@example.com,5,", "bob@example.com,6,", "bob@example.com,6,")
    address = await checked(browser, base, content)
    page = await browser.get(address)
    assert "It repeats row 3." in page.text
    assert "They got the same amount" in page.text
    assert "They are left out, unless you tick them below." in page.text
    assert 'name="recent">' in page.text
    assert 'name="recent" checked' not in page.text
    assert button(page) == "Allocate to 1 person"
    assert button(await browser.get(f"{address}?chosen=1&recent=on")) == "Allocate to 2 people"
    query = "?chosen=1&repeats=on&recent=on"
    assert "in 3 payments" in (await browser.get(address + query)).text
    assert (await confirm(browser, address, query)).status_code == 303
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {"ada@example.com": 1_000, "bob@example.com": 1_200}


async def test_rows_that_cannot_be_paid_are_named_and_downloaded_with_why(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    await Desk.of(business).user(100, "gone@example.com")
    user_id = await business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s", business.business_id
    )
    await database.write(
        allocations.set_status, business.business_id, user_id, "inactive", actors.command()
    )
    content = csv_of(
        "ada@example.com,12.50,r1",
        "nobody,5,",
        "bob@example.com,1.234,",
        "gone@example.com,5,",
        '"=cmd()@x",5,<script>alert(1)</script>',
    )
    address = await checked(browser, base, content, "<img src=x>.csv")
    page = await browser.get(address)
    assert button(page) == "Allocate to 1 person"
    assert "<script>alert" not in page.text
    assert "<img" not in page.text
    assert "This payout user is inactive." in page.text
    problems = await browser.get(f"{address}/problems.csv")
    lines = problems.text.splitlines()
    assert lines[0] == '"Email","Amount","Reference","Row","Problem"'
    assert [line.split(",")[3] for line in lines[1:]] == ["3", "4", "5", "6"]
    assert lines[4].startswith('"\'=cmd()@x"')
    await confirm(browser, address)
    await pay(database, business.business_id)
    assert people(await business.ledger())["ada@example.com"] == 1_250


async def test_a_file_whose_columns_are_not_known_is_asked_about_once(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    content = b"Wer;Betrag;Zeichen\nada@example.com;1.234,50;007\n"
    address = await checked(browser, base, content)
    page = await browser.get(address)
    assert "Which column holds what?" in page.text
    assert button(page) is None
    wrong = await browser.post(f"{address}/columns", email="0", amount="")
    assert wrong.status_code == 422
    wrong = await browser.post(f"{address}/columns", email="0", amount="9")
    assert wrong.status_code == 422
    chosen = {"email": "0", "amount": "1", "reference": "2", "note": ""}
    answers = [await browser.post(f"{address}/columns", **chosen) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 409]
    await confirm(browser, address)
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {"ada@example.com": 123_450}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty."),
        ("Email,Amount\nä@x.test,5".encode("latin-1"), "not UTF-8"),
        (b"Email,Amount\n", "no rows"),
        (b"PK\x03\x04", "no Excel workbook"),
    ],
)
async def test_a_file_that_is_none_is_refused_beside_its_field_and_nothing_is_kept(
    browser: Browser, business: TestBusiness, base: str, content: bytes, why: str
) -> None:
    answer = await send(browser, base, content)
    assert answer.status_code == 422
    assert why in answer.text
    assert 'aria-invalid="true"' in answer.text
    count = "SELECT count(*) FROM uploads WHERE business_id = %s"
    assert await business.scalar(count, business.business_id) == 0


async def test_a_file_that_is_too_large_is_refused_on_the_page(
    browser: Browser, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_body, "MAX_UPLOAD", 50_000)
    answer = await send(browser, base, b"x" * 60_000)
    assert answer.status_code == 422
    assert "larger than 20 MB" in answer.text
    assert (await send(browser, base, THREE)).status_code == 303


async def test_what_was_shown_is_what_is_paid_or_nothing(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    address = await checked(browser, base, THREE)
    for field, text in (("cents", "1"), ("payments", "2"), ("cents", "x"), ("due", "2020-01-01")):
        answer = await confirm(browser, address, **{field: text})
        assert answer.status_code in (400, 409, 422), (field, text)
    await business.set(payouts_enabled=False)
    assert (await confirm(browser, address)).status_code == 409
    await business.set(payouts_enabled=True)
    dear = await checked(browser, base, csv_of("ada@example.com,999999.99,"))
    page = await browser.get(dear)
    assert "short of it" in page.text
    refused = await confirm(browser, dear)
    assert refused.status_code == 409
    assert "Insufficient payout balance. Nothing was allocated." in refused.text
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {}
    assert await acts(database, business) == []


async def test_a_scheduled_upload_waits_and_can_be_canceled_until_then(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    addresses = [
        await checked(browser, base, THREE),
        await checked(browser, base, csv_of("eve@example.com,1,")),
    ]
    for address in addresses:
        assert (await confirm(browser, address, due=later)).status_code == 303
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {}
    page = await browser.get(addresses[0])
    assert f"{later[:10]} {later[11:]} UTC" in page.text
    form = await form_of(browser, addresses[0], "cancel")
    assert (await browser.post(f"{addresses[0]}/cancel", **form)).status_code == 303
    again = await browser.post(f"{addresses[0]}/cancel", key="form:other")
    assert again.status_code == 409

    async def come(connection: Any) -> None:
        await connection.execute(
            "UPDATE uploads SET due_at = now() WHERE business_id = %s AND status = 'scheduled'",
            [business.business_id],
        )

    await database.write(come)
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {"eve@example.com": 100}
    assert await acts(database, business) == ["upload.cancel", "upload.start", "upload.start"]
    afterwards = await checked(browser, base, THREE)
    assert button(await browser.get(afterwards)) == "Allocate to 3 people"


async def test_it_stops_where_the_balance_runs_out_and_goes_on_when_told_to(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    address = await checked(browser, base, THREE)
    await confirm(browser, address)
    held = (await business.client.get("/balance")).json()["payout_balance"]
    await business.create("other@example.com", held - 1_600)
    await pay(database, business.business_id)
    paid = people(await business.ledger())
    assert (paid["ada@example.com"], paid.get("carl@example.com")) == (1_250, None)
    page = await browser.get(address)
    assert "The payout balance does not cover the next payment." in page.text
    assert "Resume</button>" in page.text
    assert "hx-trigger" not in page.text
    await pay(database, business.business_id)
    assert people(await business.ledger()) == paid, "it does not go on by itself"
    assert "upload.stopped" in await acts(database, business)
    home = await browser.get(base)
    assert "Uploads of allocations that stopped" in home.text
    other = await business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s AND email = 'other@example.com'",
        business.business_id,
    )
    await database.write(allocations.revoke, business.business_id, other, 5_000, actors.command())
    form = await form_of(browser, address, "resume")
    assert (await browser.post(f"{address}/resume", **form)).status_code == 303
    await pay(database, business.business_id)
    paid = people(await business.ledger())
    assert {email: paid[email] for email in PAID} == PAID
    assert "3 of 3 paid" in (await browser.get(address)).text


async def test_whoever_confirmed_it_and_lost_the_right_pays_nobody_more(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    address = await checked(browser, base, THREE)
    await confirm(browser, address)

    async def demote(connection: Any) -> None:
        await connection.execute(
            "UPDATE memberships SET role = 'viewer' WHERE organization_id ="
            " (SELECT organization_id FROM businesses WHERE id = %s)",
            [business.business_id],
        )

    await database.write(demote)
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {}
    page = await browser.get(address)
    assert "may not allocate any more" in page.text
    assert "Resume</button>" not in page.text


async def test_over_the_threshold_two_people_confirm_the_very_same(
    browser: Browser, other: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    await business.set(second_person_amount=2_000)
    small = await checked(browser, base, csv_of("eve@example.com,20.00,"))
    assert "done=started" in (await confirm(browser, small)).headers["location"]
    address = await checked(browser, base, THREE)
    answer = await confirm(browser, address)
    page = await browser.get(answer.headers["location"])
    assert "It waits for a second person." in page.text
    alone = await confirm(browser, address)
    assert alone.status_code == 409
    assert "Another person has to approve it" in alone.text
    await signed_in(other, database, business, "viewer")
    shown = {"key": "form:1", "payments": "3", "cents": "2475"}
    assert (await other.post(f"{address}/start", **shown)).status_code == 403
    other.client.cookies.clear()
    await signed_in(other, database, business, "owner")
    listed = await other.get(f"{base}/approvals")
    assert address in listed.text
    assert "you are the second" in (await other.get(address)).text
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {"eve@example.com": 2_000}
    answer = await confirm(other, address)
    assert "done=started" in answer.headers["location"], answer.text
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID | {"eve@example.com": 2_000}
    assert address not in (await other.get(f"{base}/approvals")).text


async def test_one_person_over_the_threshold_waits_for_a_second_with_the_reference(
    browser: Browser, other: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    await business.set(second_person_amount=100)
    form = {"key": "form:1", "email": "ada@example.com", "cents": "500", "reference": "inv 7"}
    answers = [await browser.post(f"{base}/allocate", **form) for _ in range(2)]
    assert {answer.headers["location"] for answer in answers} == {f"{base}/approvals?done=asked"}
    assert people(await business.ledger()) == {}
    await signed_in(other, database, business, "owner")
    listed = await other.get(f"{base}/approvals")
    assert "inv 7" in listed.text
    found = re.search(r"/approvals/apr_[0-9a-f-]{36}", listed.text)
    assert found is not None
    assert (await other.post(f"{base}{found[0]}/approve")).status_code == 303
    assert people(await business.ledger()) == {"ada@example.com": 500}


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_does_as_the_table_says_whatever_the_page_shows(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    owner = await signed_in(browser, database, business)
    kept = await checked(browser, owner, THREE)
    unmapped = await checked(browser, owner, b"a,b\nx@example.com,1\n")
    running = await checked(browser, owner, csv_of("zed@example.com,1,"))
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    await confirm(browser, running, due=later)
    browser.client.cookies.clear()
    base = await signed_in(browser, database, business, role)
    may = "allocation.create" in RIGHTS[role]
    for address in (kept, unmapped, running, f"{base}/allocate", f"{base}/allocate/upload"):
        page = await browser.get(address)
        assert page.status_code == 200
        assert (f'action="{address}/cancel"' in page.text) == (may and address == running)
    assert ("Allocate to 3 people" in (await browser.get(kept)).text) == may
    assert (await send(browser, base, THREE)).status_code == (303 if may else 403)
    answer = await browser.post(f"{unmapped}/columns", email="0", amount="1")
    assert answer.status_code == (303 if may else 403)
    answer = await browser.post(f"{unmapped}/discard", key="form:0")
    assert answer.status_code == (303 if may else 403)
    form = {"key": "form:1", "payments": "3", "cents": "2475"}
    assert (await browser.post(f"{kept}/start", **form)).status_code == (303 if may else 403)
    assert (await browser.post(f"{running}/cancel", key="form:2")).status_code == (
        303 if may else 403
    )
    person = {"key": "form:3", "email": "one@example.com", "cents": "5"}
    assert (await browser.post(f"{base}/allocate", **person)).status_code == (200 if may else 403)
    await pay(database, business.business_id)
    expected = PAID | {"one@example.com": 5} if may else {}
    assert people(await business.ledger()) == expected


async def test_another_organizations_uploads_are_not_there(
    browser: Browser, database: Database, business: TestBusiness, base: str, make_business: Any
) -> None:
    address = await checked(browser, base, THREE)
    browser.client.cookies.clear()
    own = await signed_in(browser, database, await make_business())
    tail = address.rpartition("/")[2]
    for there in (f"{own}/allocate/{tail}", f"{base_of(business)}/allocate/{tail}"):
        for verb in ("", "/problems.csv", "/results.csv"):
            assert (await browser.get(there + verb)).status_code == 404
        for verb in ("start", "cancel", "discard", "resume", "columns"):
            form = {"key": "form:1", "payments": "3", "cents": "2475"}
            assert (await browser.post(f"{there}/{verb}", **form)).status_code == 404
    assert (await send(browser, base_of(business), THREE)).status_code == 404
    assert "may.csv" not in (await browser.get(f"{own}/allocate/upload")).text
    assert people(await business.ledger()) == {}


async def test_files_and_forms_of_other_sites_and_of_nobody_do_nothing(
    browser: Browser, business: TestBusiness, base: str
) -> None:
    address = await checked(browser, base, THREE)
    foreign = {"Sec-Fetch-Site": "cross-site"}
    answer = await browser.client.post(
        f"{base}/allocate/upload", files={"file": ("a.csv", THREE)}, headers=foreign
    )
    assert answer.status_code == 403
    for verb in ("start", "cancel", "discard", "resume", "columns"):
        form = {"key": "form:1", "payments": "3", "cents": "2475"}
        answer = await browser.client.post(f"{address}/{verb}", data=form, headers=foreign)
        assert answer.status_code == 403
    browser.client.cookies.clear()
    answer = await send(browser, base, THREE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert people(await business.ledger()) == {}


async def test_what_nobody_confirmed_is_forgotten_and_what_was_confirmed_is_not(
    browser: Browser, database: Database, business: TestBusiness, base: str, urls: Urls
) -> None:
    confirmed, left = await checked(browser, base, THREE), await checked(browser, base, THREE)
    await confirm(browser, confirmed)
    await business.set(second_person_amount=1_000)
    waiting = await checked(browser, base, csv_of("eve@example.com,20.00,"))
    assert "done=asked" in (await confirm(browser, waiting)).headers["location"]
    with urls.as_admin() as admin:
        admin.execute(
            "UPDATE uploads SET created_at = now() - interval '8 days' WHERE business_id = %s",
            [business.business_id],
        )
        admin.execute(
            "UPDATE uploads SET created_at = now() - interval '90 days' WHERE id = %s",
            [id_of(waiting)],
        )
    await database.write(uploads.delete_unconfirmed)
    assert (await browser.get(left)).status_code == 404
    for kept in (confirmed, waiting):
        assert (await browser.get(kept)).status_code == 200


async def test_what_nobody_confirmed_is_discarded_once_and_what_was_confirmed_is_not(
    browser: Browser, other: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    unmapped = await checked(browser, base, b"a,b\nx@example.com,1\n", "unmapped.csv")
    left = await checked(browser, base, THREE, "left.csv")
    assert "What nobody confirms is discarded by itself" in (await browser.get(left)).text
    for address in (unmapped, left):
        assert "Discard this file</button>" in (await browser.get(address)).text
        form = await form_of(browser, address, "discard")
        answers = [await browser.post(f"{address}/discard", **form) for _ in range(2)]
        [there] = {answer.headers["location"] for answer in answers}
        listed = await browser.get(there)
        assert "The file is discarded. Nothing was allocated." in listed.text
        assert f'href="{address}"' not in listed.text
        assert (await browser.get(address)).status_code == 404
    confirmed = await checked(browser, base, THREE)
    form = await form_of(browser, confirmed, "discard")
    await confirm(browser, confirmed)
    assert (await browser.post(f"{confirmed}/discard", **form)).status_code == 409
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID
    await business.set(second_person_amount=1_000)
    waiting = await checked(browser, base, csv_of("eve@example.com,20.00,"))
    await confirm(browser, waiting)
    await signed_in(other, database, business, "owner")
    form = await form_of(other, waiting, "discard")
    assert (await other.post(f"{waiting}/discard", **form)).status_code == 303
    assert waiting not in (await browser.get(f"{base}/approvals")).text
    assert people(await business.ledger()) == PAID
    discarded = ["upload.discard"]
    assert await acts(database, business) == [*discarded, "upload.start", *discarded, *discarded]


async def test_one_person_is_allocated_to_once_and_the_hash_shown_once(
    browser: Browser, business: TestBusiness, base: str
) -> None:
    page = await browser.get(f"{base}/allocate")
    assert heading(page) == "Allocate"
    typed = {"email": " Ada@Example.com", "amount": "1,234.50", "reference": "inv 7"}
    page = await browser.client.get(f"{base}/allocate/confirm", params=typed)
    for part in ("ada@example.com", "$1,234.50", "inv 7", "new: they are made with this"):
        assert part in page.text, part
    form = {name: hidden(page, name) for name in ("key", "cents", "email", "reference")}
    answers = await asyncio.gather(*(browser.post(f"{base}/allocate", **form) for _ in range(3)))
    assert {answer.status_code for answer in answers} == {200}
    shown = [re.findall(r">http[^<]*/redeem#([0-9a-f]{64})<", answer.text) for answer in answers]
    assert sorted(len(found) for found in shown) == [0, 0, 1]
    assert people(await business.ledger()) == {"ada@example.com": 123_450}
    repeated = await browser.client.get(f"{base}/allocate/confirm", params=typed)
    assert "Got the same amount" in repeated.text


@pytest.mark.parametrize("notify", [True, False])
async def test_who_allocates_reads_whether_a_mail_brings_the_link(
    browser: Browser, business: TestBusiness, base: str, notify: bool
) -> None:
    await business.set(notify=notify)
    typed = {"email": "ada@example.com", "amount": "5"}
    asked = await browser.client.get(f"{base}/allocate/confirm", params=typed)
    assert ("goes to this address, with their link" in asked.text) is notify
    form = {name: hidden(asked, name) for name in ("key", "cents", "email")}
    answer = await browser.post(f"{base}/allocate", **form)
    assert ("A mail with their link goes to them." in answer.text) is notify
    assert ("No mail goes to them" in answer.text) is not notify
    assert 'data-copy="link"' in answer.text


@pytest.mark.parametrize(
    ("field", "text"),
    [("email", "nobody"), ("email", ""), ("amount", "1.234,50"), ("amount", "-1"),
     ("amount", "999999"), ("reference", "x" * 256), ("reference", "a\x00b")],
)  # fmt: skip
async def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    browser: Browser, base: str, field: str, text: str
) -> None:
    typed = {"email": "ada@example.com", "amount": "5", "reference": ""} | {field: text}
    page = await browser.client.get(f"{base}/allocate/confirm", params=typed)
    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    assert 'value="ada@example.com"' in page.text or field == "email"


async def test_what_an_earlier_upload_takes_meanwhile_is_shown_and_can_then_be_confirmed(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    first = await checked(browser, base, csv_of("ada@example.com,12.50,r1"))
    second = await checked(browser, base, THREE)
    assert (await confirm(browser, first)).status_code == 303
    refused = await confirm(browser, second)
    assert (refused.status_code, button(refused)) == (409, "Allocate to 2 people")
    assert (await confirm(browser, second)).status_code == 303
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID


async def test_what_an_earlier_upload_gives_up_is_paid_by_the_later_one(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    first = await checked(browser, base, csv_of("ada@example.com,12.50,r1"))
    await confirm(browser, first, due=later)
    second = await checked(browser, base, THREE)
    await browser.post(f"{first}/cancel", **await form_of(browser, first, "cancel"))
    refused = await confirm(browser, second)
    assert (refused.status_code, button(refused)) == (409, "Allocate to 3 people")
    assert (await confirm(browser, second)).status_code == 303
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID


async def test_the_second_person_confirms_the_very_same_or_is_the_first_of_something_else(
    browser: Browser,
    application: Application,
    database: Database,
    business: TestBusiness,
    base: str,
) -> None:
    await business.set(second_person_amount=2_000)
    address = await checked(browser, base, THREE + b"ada@example.com,12.50,r1\n")
    later = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}"
    await confirm(browser, address, due=later)
    other = Browser.of(application)
    async with other.client:
        await signed_in(other, database, business, "owner")
        everything = "?chosen=1&repeats=on&earlier=on&recent=on"
        answer = await confirm(other, address, everything)
        assert answer.headers["location"].endswith("done=asked")
        await pay(database, business.business_id)
        assert people(await business.ledger()) == {}
        answer = await confirm(browser, address, everything)
        assert answer.headers["location"].endswith("done=started")
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID | {"ada@example.com": 2_500}


async def test_a_first_confirmation_is_taken_back_by_who_gave_it_alone(
    browser: Browser, other: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    await business.set(second_person_amount=2_000)
    address = await checked(browser, base, THREE)
    await confirm(browser, address)
    await signed_in(other, database, business, "owner")
    assert "Take my confirmation back" not in (await other.get(address)).text
    refused = await other.post(f"{address}/take-back")
    assert (refused.status_code, NothingSigned.message in refused.text) == (409, True)
    assert "Take my confirmation back" in (await browser.get(address)).text
    answer = await browser.post(f"{address}/take-back")
    page = await browser.get(answer.headers["location"])
    assert "You have taken your confirmation back." in page.text
    assert address not in (await other.get(f"{base}/approvals")).text
    assert (await browser.post(f"{address}/take-back")).status_code == 409
    assert "done=asked" in (await confirm(other, address)).headers["location"]
    await pay(database, business.business_id)
    assert people(await business.ledger()) == {}, "their upload is no signature of theirs any more"
    assert "done=started" in (await confirm(browser, address)).headers["location"]


async def test_nobody_who_had_a_hand_in_an_upload_decides_on_its_peoples_orders(
    browser: Browser, other: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    await business.set(second_person_amount=1_000, review_amount=1)
    address = await checked(browser, base, THREE)
    await signed_in(other, database, business, "owner")
    await confirm(other, address)
    await pay(database, business.business_id)
    upload = await database.fetch(uploads.get, business.business_id, id_of(address))
    uploader, confirmer = Actor(upload.created_by), Actor(str(upload.started_by))
    assert uploader != confirmer
    ada = await business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s AND email = 'ada@example.com'",
        business.business_id,
    )
    desk = Desk.of(business)
    order = await desk.withdraw(ada, 1_200)

    async def approve(actor: Actor) -> str:
        work = withdrawals.approve
        done = await database.write(lambda db: work(db, order.business_id, order.id, actor))
        return done.status

    for actor in (uploader, confirmer):
        with pytest.raises(Refused, match="You allocated"):
            await approve(actor)
    others = [
        actors.operator(
            await make_operator(database, f"{uuid4().hex}@example.com", business, "approver")
        )
        for _ in range(2)
    ]
    assert [await approve(each) for each in others] == ["review", "queued"]


async def test_no_caller_has_a_key_of_ours_and_so_takes_no_rows_place(
    browser: Browser, database: Database, business: TestBusiness, base: str
) -> None:
    address = await checked(browser, base, THREE)
    await confirm(browser, address)
    body = {"email": "eve@example.com", "amount": 1}
    for number, separator, status in ((2, ":", 200), (3, " ", 400), (4, "%20", 200)):
        key = separator.join(("upload", str(id_of(address)), str(number)))
        headers = {"Authorization": f"Bearer {business.secret_key}", "Idempotency-Key": key}
        answer = await browser.client.post("/payout/create", json=body, headers=headers)
        assert answer.is_success == (status == 200), answer.text
    key = own_key(UPLOAD, id_of(address), 2)
    form = {"key": key, "email": "eve@example.com", "cents": "1"}
    assert (await browser.post(f"{base}/allocate", **form)).status_code == 409
    await pay(database, business.business_id)
    assert people(await business.ledger()) == PAID | {"eve@example.com": 2}


async def test_a_forms_key_and_a_callers_are_never_the_same(
    browser: Browser, business: TestBusiness, base: str
) -> None:
    form = {"key": "invoice-7", "email": "eve@example.com", "cents": "1"}
    assert heading(await browser.post(f"{base}/allocate", **form)) == "Allocated"
    body = {"email": "ada@example.com", "amount": 500}
    headers = {"Authorization": f"Bearer {business.secret_key}", "Idempotency-Key": "invoice-7"}
    answer = await browser.client.post("/payout/create", json=body, headers=headers)
    assert answer.is_success, answer.text
    assert people(await business.ledger()) == {"eve@example.com": 1, "ada@example.com": 500}
