"""An operator in a browser, for tests of the dashboard: without scripts, as the server sees it."""

import html
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from payviox import ids
from payviox.access import members
from payviox.auth import operators, sessions
from payviox.db.pool import Database
from payviox.rights.roles import Role
from payviox.web.asgi import Application
from support.businesses import TestBusiness
from support.machine import stretch

PASSWORD = "correct horse battery"
SITE = "http://127.0.0.1:8100"
"""The public address of tests' settings."""


async def make_operator(
    database: Database,
    email: str,
    business: TestBusiness | None = None,
    role: Role | None = None,
    *,
    is_admin: bool = False,
) -> UUID:
    """An operator with PASSWORD, and with this role at the business's organization."""

    async def work(connection: Any) -> UUID:
        made = await operators.create(connection, email, PASSWORD, "test", is_admin=is_admin)
        if business is not None and role is not None:
            await members.join(connection, email, business.business_id, role, "test")
        return made

    return await database.write(work)


@dataclass
class Browser:
    """Keeps cookies, and says where its forms come from as browsers do."""

    client: httpx.AsyncClient

    @classmethod
    def of(cls, application: Application) -> "Browser":
        return cls(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(application),  # type: ignore[arg-type]  # ASGI
                base_url=SITE,
                timeout=stretch(60),
            )
        )

    async def get(self, address: str) -> httpx.Response:
        return await self.client.get(address)

    async def post(self, address: str, /, **fields: str) -> httpx.Response:
        """Send a form of the site's own."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        return await self.client.post(address, data=fields, headers=headers)

    async def sign_in(self, email: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        return await self.post("/login", email=email, password=password, **fields)


async def signed_in(
    browser: Browser, database: Database, business: TestBusiness, role: Role = "owner"
) -> str:
    """The address under which the business's pages are, for somebody with this role."""
    email = f"{uuid4().hex}@example.com"
    await make_operator(database, email, business, role)
    await browser.sign_in(email)
    return base_of(business)


async def make_stale(browser: Browser, database: Database) -> None:
    """Let the browser's session have been proved too long ago."""
    digest = sessions.digest_of(browser.client.cookies["session"])
    await database.write(
        lambda db: db.execute(
            "UPDATE sessions SET proved_at = now() - interval '11 minutes' WHERE digest = %s",
            [digest],
        )
    )


def base_of(business: TestBusiness) -> str:
    return f"/dashboard/{ids.show(ids.BUSINESS, business.business_id)}"


def heading(answer: httpx.Response) -> str:
    """The text of the page's h1."""
    found = re.search(r"<h1>(.*?)</h1>", answer.text, re.DOTALL)
    assert found is not None, answer.text
    return html.unescape(re.sub(r"<[^>]+>", "", found[1])).strip()


def hidden(answer: httpx.Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', answer.text)
    assert found is not None, answer.text
    return html.unescape(found[1])
