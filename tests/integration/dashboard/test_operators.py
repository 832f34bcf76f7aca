"""Operators are let in, get other roles and other passwords; each leaves one entry, no secret."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import actors
from payviox.access import members
from payviox.allocations import service as allocations
from payviox.audit import service as audit
from payviox.auth import operators
from payviox.db.pool import Database
from payviox.errors import Conflict, FieldErrors, Forbidden, NotFound
from payviox.rights import service as rights
from payviox.treasury import service as treasury
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, make_operator

pytestmark = pytest.mark.anyio


async def entries(database: Database, act: str, email: str) -> list[dict[str, Any]]:
    listed = await database.fetch(audit.list_of_installation, 100)
    return [each.detail for each in listed if each.act == act and each.detail["email"] == email]


@pytest.fixture
def email() -> str:
    return f"{uuid4().hex}@example.com"


async def test_a_role_holds_in_both_modes_and_changes_with_one_entry_each(
    database: Database, business: TestBusiness, email: str
) -> None:
    operator = await make_operator(database, email)
    for role in ("viewer", "finance"):
        await database.write(members.join, email, business.business_id, role, "test")
    assert business.twin is not None
    for mode in (business, business.twin):
        assert await database.fetch(rights.role_of, operator, mode.business_id) == "finance"
        of = mode.business_id
        listed = await database.fetch(lambda db, of=of: audit.list_page(db, of, limit=9))
        [changed, joined] = [each for each in listed if each.act.startswith("member.")]
        assert (joined.act, joined.after) == ("member.join", {"role": "viewer"})
        assert (changed.act, changed.before) == ("member.change_role", {"role": "viewer"})
        assert changed.after == {"role": "finance"}
        assert changed.detail["email"] == email


async def test_nobody_joins_what_is_not_there(
    database: Database, business: TestBusiness, email: str
) -> None:
    with pytest.raises(NotFound, match="no operator"):
        await database.write(members.join, email, business.business_id, "viewer", "test")
    await make_operator(database, email)
    with pytest.raises(NotFound):
        await database.write(members.join, email, UUID(int=1), "viewer", "test")


async def test_another_password_leaves_one_entry_without_it(database: Database, email: str) -> None:
    await make_operator(database, email)
    with pytest.raises(FieldErrors):
        await database.write(operators.set_password, email, "too short", "test")
    await database.write(operators.set_password, email, "another long password", "test")
    [entry] = await entries(database, "operator.set_password", email)
    assert "another long password" not in str(entry)


async def test_what_a_role_does_not_allow_moves_no_money(
    database: Database, business: TestBusiness, email: str
) -> None:
    operator = await make_operator(database, email, business, "developer")
    before = await business.ledger()
    with pytest.raises(Forbidden):
        await database.write(treasury.fund, business.business_id, 100, actors.operator(operator))
    assert await business.ledger() == before
    await database.write(members.join, email, business.business_id, "finance", "test")
    await database.write(treasury.fund, business.business_id, 100, actors.operator(operator))
    assert (await business.ledger())["payout"] == before["payout"] + 100


async def test_an_admin_is_an_owner_everywhere_and_a_stranger_nowhere(
    database: Database, business: TestBusiness, email: str
) -> None:
    admin = await make_operator(database, email, is_admin=True)
    stranger = await make_operator(database, f"x{email}")
    assert await database.fetch(rights.role_of, admin, business.business_id) == "owner"
    assert await database.fetch(rights.role_of, stranger, business.business_id) is None
    assert await database.fetch(rights.rights_of, stranger, business.business_id) == frozenset()


async def test_who_is_disabled_is_signed_out_and_let_in_nowhere_until_enabled(
    database: Database, business: TestBusiness, email: str, browser: Browser
) -> None:
    operator = await make_operator(database, email, business, "owner")
    await browser.sign_in(email)
    assert (await browser.get(base_of(business))).status_code == 200
    await database.write(operators.disable, email, "test")
    assert (await browser.get(base_of(business))).status_code == 303
    assert (await browser.sign_in(email)).status_code == 422
    with pytest.raises(Forbidden):
        await database.write(treasury.fund, business.business_id, 1, actors.operator(operator))
    with pytest.raises(Conflict):
        await database.write(operators.disable, email, "test")
    await database.write(operators.enable, email, "test")
    assert (await browser.sign_in(email)).status_code == 303
    assert (await browser.get(base_of(business))).status_code == 200
    for act in ("operator.disable", "operator.enable"):
        assert len(await entries(database, act, email)) == 1


async def test_switching_a_payout_user_to_what_they_are_asks_for_the_right_too(
    database: Database, business: TestBusiness, email: str
) -> None:
    operator = await make_operator(database, email, business, "viewer")
    assert (await business.create("ada@example.com", 5)).status_code == 201
    user = await business.scalar(
        "SELECT id FROM payout_users WHERE business_id = %s", business.business_id
    )
    who = actors.operator(operator)
    with pytest.raises(Forbidden):
        await database.write(allocations.set_status, business.business_id, user, "active", who)
