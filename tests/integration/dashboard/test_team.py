"""The team on pages, in an installation that sends no mail: links are shown once."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import ids
from payviox.access import members, password_resets
from payviox.audit import service as audit
from payviox.auth import factors, operators
from payviox.db.pool import Database
from payviox.rights import service as rights
from payviox.rights.roles import ROLES, Role
from payviox.web.asgi import Application
from payviox.web.context import Services
from payviox.web.forms import new_key
from support.businesses import TestBusiness
from support.dashboard import PASSWORD, Browser, heading, hidden, make_operator, signed_in
from support.databases import Urls

pytestmark = pytest.mark.anyio


def address() -> str:
    return f"{uuid4().hex}@example.com"


async def invite(browser: Browser, base: str, email: str, role: str = "viewer") -> str:
    """The path of the link that the page shows."""
    key = hidden(await browser.get(f"{base}/team"), "key")
    answer = await browser.post(f"{base}/team/invite", email=email, role=role, key=key)
    assert answer.status_code == 200, answer.text
    link = re.search(r"http://[^\s<]*/dashboard/invitation/[\w-]{43}", answer.text)
    assert link is not None, answer.text
    return link[0][link[0].index("/dashboard/") :]


async def member(
    database: Database, business: TestBusiness, role: Role = "viewer"
) -> tuple[str, UUID]:
    email = address()
    return email, await make_operator(database, email, business, role)


async def role_of(database: Database, operator: UUID, business: TestBusiness) -> Any:
    return await database.fetch(rights.role_of, operator, business.business_id)


async def test_somebody_new_joins_by_the_link_with_a_password_of_their_own(
    browser: Browser, database: Database, business: TestBusiness, application: Application
) -> None:
    base = await signed_in(browser, database, business)
    email = address()
    link = await invite(browser, base, email, "finance")
    team = await browser.get(f"{base}/team")
    assert heading(team) == "Team"
    assert email in team.text
    assert link not in team.text, "shown once"
    stranger = Browser.of(application)
    async with stranger.client:
        for _ in range(2):
            page = await stranger.get(link)
            assert (page.status_code, heading(page)) == (200, "Join ACME")
        short = await stranger.post(link, password="too short")
        assert (short.status_code, "at least 12" in short.text) == (422, True)
        joined = await stranger.post(link, password=PASSWORD)
        assert (joined.status_code, joined.headers["location"]) == (303, "/login")
        assert (await stranger.sign_in(email)).status_code == 303
        assert (await stranger.get(base)).status_code == 200
        again = await stranger.post(link, password=PASSWORD)
        assert (again.status_code, heading(again)) == (404, "Invitation")
    log = (await browser.get(f"{base}/audit")).text
    assert "member.invite" in log
    assert "link:invitation" in log
    assert link.rpartition("/")[2] not in log


async def test_somebody_with_an_account_joins_with_it_and_nobody_else_does(
    browser: Browser, database: Database, business: TestBusiness, application: Application
) -> None:
    base = await signed_in(browser, database, business)
    email, other = address(), address()
    operator = await make_operator(database, email)
    await make_operator(database, other)
    link = await invite(browser, base, email, "approver")
    guest = Browser.of(application)
    async with guest.client:
        page = await guest.get(link)
        assert "has an account" in page.text
        taken = await guest.post(link, password="another long password")
        assert taken.headers["location"].startswith("/login?next=%2Fdashboard%2Finvitation%2F")
        await guest.sign_in(other)
        refused = await guest.post(link)
        assert (refused.status_code, "another address" in refused.text) == (409, True)
        await guest.post("/logout")
        assert (await guest.sign_in(email)).status_code == 303, "the password is as it was"
        assert "Join" in (await guest.get(link)).text
        assert (await guest.post(link)).status_code == 303
        assert (await guest.get(base)).status_code == 200
    assert await role_of(database, operator, business) == "approver"


async def test_a_new_link_stops_the_old_one_and_withdrawing_stops_both(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    email = address()
    first = await invite(browser, base, email)
    second = await invite(browser, base, email, "finance")
    assert (await browser.get(first)).status_code == 404
    assert "finance" in (await browser.get(second)).text
    team = await browser.get(f"{base}/team")
    [path] = re.findall(r'action="([^"]*/invitations/inv_[^"]*)/resend"', team.text)
    third = await browser.post(f"{path}/resend", key=new_key())
    assert "/dashboard/invitation/" in third.text
    assert (await browser.get(second)).status_code == 404
    answer = await browser.post(f"{path}/withdraw")
    assert "withdrawn" in (await browser.get(answer.headers["location"])).text
    assert email not in (await browser.get(f"{base}/team")).text
    assert (await browser.post(f"{path}/withdraw")).status_code == 404
    for mode in (business, business.twin):
        assert mode is not None
        entries = await database.fetch(
            lambda db, of=mode.business_id: audit.list_page(db, of, limit=20)
        )
        acts = [entry.act for entry in entries if entry.detail.get("email") == email]
        assert acts == ["member.withdraw_invitation", *["member.invite"] * 3]


async def test_a_form_sent_twice_invites_once_and_shows_the_link_once(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    form = {"email": address(), "role": "viewer", "key": new_key()}
    first = await browser.post(f"{base}/team/invite", **form)
    second = await browser.post(f"{base}/team/invite", **form)
    assert "/dashboard/invitation/" in first.text
    assert "was shown then" in second.text


@pytest.mark.parametrize(
    ("typed", "role", "why"),
    [
        ("nobody", "viewer", "valid email address"),
        ("", "viewer", "required"),
        ("ada@example.com", "king", "Choose one of the roles"),
        ("m\u0131ke@example.com", "viewer", "valid email address"),
    ],
)
async def test_what_is_no_address_or_no_role_is_said_and_what_was_typed_stays(
    browser: Browser, database: Database, business: TestBusiness, typed: str, role: str, why: str
) -> None:
    base = await signed_in(browser, database, business)
    answer = await browser.post(f"{base}/team/invite", email=typed, role=role, key=new_key())
    assert answer.status_code == 422
    assert why in answer.text
    assert f'value="{typed}"' in answer.text


async def test_a_member_is_not_invited_again(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    email, _ = await member(database, business)
    answer = await browser.post(f"{base}/team/invite", email=email, role="owner", key=new_key())
    assert (answer.status_code, "a member already" in answer.text) == (422, True)


async def test_an_owner_changes_a_role_and_removes_somebody_after_a_page_that_says_what_ends(
    browser: Browser, database: Database, business: TestBusiness, application: Application
) -> None:
    base = await signed_in(browser, database, business)
    email, operator = await member(database, business)
    page = f"{base}/team/{ids.show(ids.OPERATOR, operator)}"
    assert heading(await browser.get(page)) == email
    changed = await browser.post(f"{page}/role", role="approver")
    assert "The role is changed." in (await browser.get(changed.headers["location"])).text
    assert (await browser.post(f"{page}/role", role="king")).status_code == 422
    assert await role_of(database, operator, business) == "approver"
    theirs = Browser.of(application)
    async with theirs.client:
        await theirs.sign_in(email)
        assert (await theirs.get(base)).status_code == 200
        asked = await browser.get(f"{page}/remove")
        assert f"Remove {email}" in asked.text
        assert await role_of(database, operator, business) == "approver", "asked, not done"
        await browser.post(f"{page}/remove")
        assert (await theirs.get(base)).status_code == 303, "signed out"
    assert (await browser.get(page)).status_code == 404


@pytest.mark.parametrize("way", ["removed", "no owner any more"])
async def test_what_an_owner_invited_to_ends_with_their_being_one(
    browser: Browser,
    database: Database,
    business: TestBusiness,
    application: Application,
    way: str,
) -> None:
    base = await signed_in(browser, database, business)
    email, operator = await member(database, business, "owner")
    kept = await invite(browser, base, address())
    theirs = Browser.of(application)
    async with theirs.client:
        await theirs.sign_in(email)
        withdrawn = await invite(theirs, base, address(), "owner")
    page = f"{base}/team/{ids.show(ids.OPERATOR, operator)}"
    if way == "removed":
        await browser.post(f"{page}/remove")
    else:
        await browser.post(f"{page}/role", role="viewer")
    assert (await browser.get(withdrawn)).status_code == 404
    assert (await browser.get(kept)).status_code == 200
    assert "member.withdraw_invitation" in (await browser.get(f"{base}/audit")).text


async def test_who_joins_otherwise_has_no_invitation_left_to_come_back_with(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    email = address()
    await make_operator(database, email)
    link = await invite(browser, base, email, "owner")
    await database.write(members.join, email, business.business_id, "viewer", "test")
    assert (await browser.get(link)).status_code == 404
    assert "Open invitations" not in (await browser.get(f"{base}/team")).text


async def test_the_last_owner_is_told_why_they_stay(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    base = await signed_in(browser, database, business)
    team = await browser.get(f"{base}/team")
    found = re.search(r'href="([^"]*/team/op_[^"]*)"', team.text)
    assert found is not None
    for path, form in (("role", {"role": "viewer"}), ("remove", {})):
        answer = await browser.post(f"{found[1]}/{path}", **form)
        assert (answer.status_code, "last owner" in answer.text) == (409, True)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
async def test_others_look_at_the_team_and_change_nothing(
    browser: Browser, database: Database, business: TestBusiness, role: Role
) -> None:
    base = await signed_in(browser, database, business, role)
    _, operator = await member(database, business)
    page = f"{base}/team/{ids.show(ids.OPERATOR, operator)}"
    for path in (f"{base}/team", page):
        looked = await browser.get(path)
        assert looked.status_code == 200
        assert f'method="post" action="{base}/team' not in looked.text, "no form is offered"
    form = {"email": address(), "role": "owner", "key": new_key()}
    for path in (f"{base}/team/invite", f"{page}/role", f"{page}/remove"):
        assert (await browser.post(path, **form)).status_code == 403
    assert await role_of(database, operator, business) == "viewer"


async def test_the_team_of_another_organization_is_not_there(
    browser: Browser, database: Database, business: TestBusiness, make_business: Any
) -> None:
    elsewhere = await make_business()
    theirs, operator = await member(database, elsewhere)
    base = await signed_in(browser, database, business)
    page = f"{base}/team/{ids.show(ids.OPERATOR, operator)}"
    assert theirs not in (await browser.get(f"{base}/team")).text
    assert (await browser.get(page)).status_code == 404
    assert (await browser.post(f"{page}/role", role="owner")).status_code == 404
    assert (await browser.post(f"{page}/remove")).status_code == 404
    assert await role_of(database, operator, elsewhere) == "viewer"


async def test_without_mail_a_forgotten_password_is_for_whoever_runs_it(browser: Browser) -> None:
    assert "sends no mail" in (await browser.get("/login/forgotten")).text
    answer = await browser.post("/login/forgotten", email="ada@example.com")
    assert (answer.status_code, "sends no mail" in answer.text) == (409, True)


async def test_an_account_made_by_a_link_that_was_shown_has_no_verified_address(
    browser: Browser, database: Database, business: TestBusiness, services: Services
) -> None:
    base = await signed_in(browser, database, business)
    email = address()
    link = await invite(browser, base, email, "finance")
    browser.client.cookies.clear()
    await browser.post(link, password=PASSWORD)
    await browser.sign_in(email)
    assert "address not verified" in (await browser.get(f"{base}/team")).text
    operator = await database.fetch(operators.require_id, email)
    await database.write(
        lambda db: db.execute(
            "INSERT INTO passkeys (id, operator_id, name, credential_id, public_key, sign_count)"
            " VALUES (%s, %s, 'of whoever made it', %s, 'x', 0)",
            [uuid4(), operator, uuid4().bytes],
        )
    )
    token = await database.write(password_resets.make_link, services.keyring, email, "test")
    await browser.post(f"/login/reset/{token}", password="the owner's own words 7")
    assert not (await database.fetch(factors.find, operator)).any, "whoever made it is out"
    assert (await browser.sign_in(email, "the owner's own words 7")).status_code == 303
    assert "address not verified" not in (await browser.get(f"{base}/team")).text


async def test_owners_see_who_proves_themselves_with_what(
    browser: Browser, database: Database, business: TestBusiness, urls: Urls
) -> None:
    base = await signed_in(browser, database, business)
    email, operator = await member(database, business)
    page = (await browser.get(f"{base}/team")).text
    assert re.search(r"</svg>\s*none</span>", page) is not None
    with urls.as_admin() as admin:
        admin.execute(
            "INSERT INTO authenticator_apps (operator_id, secret, key_id, confirmed_at)"
            " VALUES (%s, 'x', 'k', now())",
            [operator],
        )
        for number in (1, 2):
            admin.execute(
                "INSERT INTO passkeys (id, operator_id, name, credential_id, public_key,"
                " sign_count) VALUES (%s, %s, 'p', %s, 'x', 0)",
                [uuid4(), operator, f"{email}{number}".encode()],
            )
        admin.execute(
            "INSERT INTO identities (issuer, subject, operator_id) VALUES ('i', %s, %s)",
            [email, operator],
        )
    assert "app, 2 passkeys, provider" in (await browser.get(f"{base}/team")).text
    await browser.post("/logout")
    await browser.sign_in((await member(database, business))[0])
    assert "Second factor" not in (await browser.get(f"{base}/team")).text


async def test_a_link_of_somebody_who_was_disabled_opens_nothing(
    browser: Browser, database: Database, business: TestBusiness
) -> None:
    email = address()
    await make_operator(database, email, business, "owner")
    await browser.sign_in(email)
    link = await invite(browser, f"/dashboard/biz_{business.business_id}", address(), "owner")
    browser.client.cookies.clear()
    assert (await browser.get(link)).status_code == 200
    await database.write(operators.disable, email, "test")
    assert (await browser.get(link)).status_code == 404
    assert (await browser.post(link, password=PASSWORD)).status_code == 404
