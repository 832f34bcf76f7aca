"""Every route of the dashboard by who comes: generated from its routes, so that a new one is
tried by itself. What a form holds does not matter: whoever may not send it is refused before it is
read."""

import re
from collections.abc import AsyncIterator
from typing import Any, get_args
from uuid import uuid4

import pytest
from litestar.routes import HTTPRoute

from payviox import ids
from payviox.dashboard.app import ROUTER
from payviox.dashboard.visits import FREE
from payviox.db.pool import Database
from payviox.rights.roles import RIGHTS, ROLES, Right, Role
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.dashboard import Browser, base_of, signed_in

pytestmark = pytest.mark.anyio

PREFIXES = {
    "card_import": "gci",
    "mail": "mail",
    "order": "ord",
    "user": "usr",
    "item": "sus",
    "operator": "op",
    "invitation": "inv",
}
ENDLESS = "/live"
"""A stream that ends with its reader."""


def routes(method: str) -> list[tuple[str, str | None]]:
    """Each path that answers this method, with the right that it names."""
    found = [
        (route.path, handler.opt.get("right"))
        for route in ROUTER.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if method in handler.http_methods
    ]
    return sorted(found, key=lambda named: named[0])


def filled(path: str, base: str) -> str:
    """The path at this business; everything else that it names is nobody's."""
    path = path.replace("/dashboard/{business:str}", base)

    def value(match: re.Match[str]) -> str:
        prefix = PREFIXES.get(match[1])
        return ids.show(prefix, ids.new()) if prefix else "x"

    return re.sub(r"\{(\w+):\w+\}", value, path)


POSTS, GETS = routes("POST"), [path for path, _ in routes("GET") if not path.endswith(ENDLESS)]
AT_BUSINESS = [(path, right) for path, right in POSTS if "{business" in path]


def test_every_route_that_changes_something_names_the_right_that_it_needs() -> None:
    known: set[Any] = {*FREE}
    for right in get_args(Right):
        known |= set(get_args(right)) or {right}
    assert len(POSTS) > 20
    assert [path for path, right in POSTS if right not in known] == [], "add right=… to its @post"


@pytest.fixture
async def visitor(application: Application) -> AsyncIterator[Browser]:
    opened = Browser.of(application)
    async with opened.client:
        yield opened


@pytest.mark.parametrize("role", [*ROLES, None])
async def test_a_member_sends_what_the_table_allows_and_a_stranger_nothing(
    visitor: Browser, database: Database, business: TestBusiness, make_business: Any, role: Role
) -> None:
    """`None` is an owner of another organization."""
    await signed_in(visitor, database, business if role else await make_business(), role or "owner")
    for path, right in AT_BUSINESS:
        answer = await visitor.post(filled(path, base_of(business)))
        refused = right not in FREE and right not in RIGHTS.get(role, ())
        if role is None:
            assert answer.status_code == 404, path
        elif refused:
            assert answer.status_code == 403, (path, role)
        else:
            assert answer.status_code not in (401, 403), (path, role)
            assert answer.status_code < 500, (path, role, answer.text)


@pytest.mark.parametrize("role", [*ROLES, None])
async def test_a_member_looks_at_everything_and_a_stranger_at_nothing(
    visitor: Browser, database: Database, business: TestBusiness, make_business: Any, role: Role
) -> None:
    await signed_in(visitor, database, business if role else await make_business(), role or "owner")
    for path in GETS:
        if "{business" not in path:
            continue
        answer = await visitor.get(filled(path, base_of(business)))
        if role is None:
            assert answer.status_code == 404, path
        else:
            assert answer.status_code < 500, (path, role, answer.text)
            assert answer.status_code not in (401, 403), (path, role)


async def test_nobody_is_led_to_where_one_signs_in(
    visitor: Browser, business: TestBusiness
) -> None:
    for path in [path for path in GETS if "{business" in path]:
        answer = await visitor.get(filled(path, base_of(business)))
        assert answer.headers.get("location", "").startswith("/login"), path
        assert answer.headers["cache-control"] == "no-store", path
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
    for path, _ in AT_BUSINESS:
        answer = await visitor.post(filled(path, base_of(business)))
        assert answer.headers.get("location", "").startswith("/login"), path
    assert dict(visitor.client.cookies) == {}


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_no_form_is_taken_from_elsewhere(
    visitor: Browser, database: Database, business: TestBusiness, site: str
) -> None:
    base = await signed_in(visitor, database, business, "owner")
    for path, _ in POSTS:
        answer = await visitor.client.post(
            filled(path, base), data={"email": uuid4().hex}, headers={"Sec-Fetch-Site": site}
        )
        assert answer.status_code == 403, path
