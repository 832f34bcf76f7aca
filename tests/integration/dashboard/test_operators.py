"""Operators are let in, get other roles and other passwords; each leaves one entry, no secret."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import actors
from payviox.audit import service as audit
from payviox.auth import operators
from payviox.db.pool import Database
from payviox.errors import FieldErrors, Forbidden, NotFound
from payviox.rights import service as rights
from payviox.treasury import service as treasury
from support.businesses import TestBusiness
from support.dashboard import make_operator

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
        await database.write(operators.join, email, business.business_id, role, "test")
    assert business.twin is not None
    for mode in (business, business.twin):
        assert await database.fetch(rights.role_of, operator, mode.business_id) == "finance"
    first, second = sorted(await entries(database, "operator.join", email), key=lambda e: e["role"])
    assert (first["role"], first["role_before"]) == ("finance", "viewer")
    assert (second["role"], second["role_before"]) == ("viewer", None)


async def test_nobody_joins_what_is_not_there(
    database: Database, business: TestBusiness, email: str
) -> None:
    with pytest.raises(NotFound, match="no operator"):
        await database.write(operators.join, email, business.business_id, "viewer", "test")
    await make_operator(database, email)
    with pytest.raises(NotFound):
        await database.write(operators.join, email, UUID(int=1), "viewer", "test")
    assert await entries(database, "operator.join", email) == []


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
    await database.write(operators.join, email, business.business_id, "finance", "test")
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
