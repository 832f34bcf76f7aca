"""Who belongs to an organization: owners alone change it, and one of them is left."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from payviox import actors
from payviox.access import members
from payviox.access.members import LastOwner
from payviox.auth import sessions, sign_in
from payviox.auth.sessions import Client, SignedIn
from payviox.db.pool import Database
from payviox.errors import Forbidden, NotFound
from payviox.rights import service as rights
from payviox.rights.roles import Role
from support.businesses import TestBusiness
from support.dashboard import PASSWORD, make_operator

pytestmark = pytest.mark.anyio


async def person(database: Database, business: TestBusiness, role: Role | None) -> UUID:
    return await make_operator(database, f"{uuid4().hex}@example.com", business, role)


async def role_of(database: Database, operator: UUID, business: TestBusiness) -> Any:
    return await database.fetch(rights.role_of, operator, business.business_id)


@pytest.mark.parametrize("role", ["finance", "approver", "developer", "viewer", None])
async def test_owners_alone_change_roles_and_remove_members(
    database: Database, business: TestBusiness, role: Role | None
) -> None:
    await person(database, business, "owner")
    somebody = await person(database, business, role)
    other = await person(database, business, "viewer")
    who, here = actors.operator(somebody), business.business_id
    targets = [other] if role is None else [other, somebody]
    for target in targets:
        with pytest.raises(Forbidden):
            await database.write(members.change_role, here, target, "owner", who)
        with pytest.raises(Forbidden):
            await database.write(members.remove, here, target, who)
    assert await role_of(database, other, business) == "viewer"
    assert await role_of(database, somebody, business) == role


async def test_an_owner_of_another_organization_changes_nothing_here(
    database: Database, business: TestBusiness, make_business: Any
) -> None:
    elsewhere = await make_business()
    who = actors.operator(await person(database, elsewhere, "owner"))
    target = await person(database, business, "viewer")
    for work in (
        lambda db: members.change_role(db, business.business_id, target, "owner", who),
        lambda db: members.remove(db, business.business_id, target, who),
    ):
        with pytest.raises(Forbidden):
            await database.write(work)
    with pytest.raises(NotFound):
        await database.write(members.remove, elsewhere.business_id, target, who)
    assert await role_of(database, target, business) == "viewer"


async def test_the_last_owner_stays_one(database: Database, business: TestBusiness) -> None:
    owner = await person(database, business, "owner")
    who, here = actors.operator(owner), business.business_id
    for work in (
        lambda db: members.remove(db, here, owner, who),
        lambda db: members.change_role(db, here, owner, "viewer", who),
    ):
        with pytest.raises(LastOwner):
            await database.write(work)
    second = await person(database, business, "owner")
    await database.write(members.change_role, here, owner, "viewer", who)
    assert await role_of(database, owner, business) == "viewer"
    with pytest.raises(LastOwner):
        await database.write(members.remove, here, second, "test")


async def test_two_owners_who_remove_each_other_at_once_leave_one(
    database: Database, business: TestBusiness
) -> None:
    owners = [await person(database, business, "owner") for _ in range(2)]
    outcomes = await asyncio.gather(
        *(
            database.write(members.remove, business.business_id, target, actors.operator(who))
            for target, who in zip(owners, reversed(owners), strict=True)
        ),
        return_exceptions=True,
    )
    roles = [await role_of(database, owner, business) for owner in owners]
    assert sorted(roles, key=str) == [None, "owner"]
    assert [type(each) for each in outcomes if each is not None] in ([LastOwner], [Forbidden])


async def test_removing_ends_the_sessions_of_who_belongs_nowhere_else(
    database: Database, business: TestBusiness, make_business: Any
) -> None:
    await person(database, business, "owner")
    elsewhere = await make_business()
    for stays in (False, True):
        email = f"{uuid4().hex}@example.com"
        operator = await make_operator(database, email, business, "viewer")
        if stays:
            await database.write(members.join, email, elsewhere.business_id, "viewer", "test")
        opened = await sign_in.with_password(database, email, PASSWORD, Client())
        assert isinstance(opened, SignedIn)
        await database.write(members.remove, business.business_id, operator, "test")
        assert (await sessions.find(database, opened.token) is not None) is stays
        assert await role_of(database, operator, business) is None


async def test_an_admin_who_is_removed_stays_signed_in(
    database: Database, business: TestBusiness
) -> None:
    owner = await person(database, business, "owner")
    email = f"{uuid4().hex}@example.com"
    admin = await make_operator(database, email, business, "viewer", is_admin=True)
    opened = await sign_in.with_password(database, email, PASSWORD, Client())
    assert isinstance(opened, SignedIn)
    here = business.business_id
    await database.write(members.remove, here, admin, actors.operator(owner))
    assert await sessions.find(database, opened.token) is not None


async def test_what_a_role_does_not_allow_is_logged_with_who_tried_what(
    database: Database, business: TestBusiness, caplog: pytest.LogCaptureFixture
) -> None:
    somebody = await person(database, business, "viewer")
    with pytest.raises(Forbidden):
        await database.write(
            members.remove, business.business_id, somebody, actors.operator(somebody)
        )
    assert "right.refused" in caplog.text
    assert str(somebody) in caplog.text
