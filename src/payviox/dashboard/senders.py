"""Who sends a file, asked before its bytes are read."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.auth import sessions
from payviox.dashboard.visits import session_cookie
from payviox.rights import service as rights
from payviox.rights.roles import Right
from payviox.web.context import Services

RIGHTS: Mapping[str, Right] = {
    "upload": "allocation.create",
    "file": "gift_cards.import",
    "report": "bank_report.import",
    "logo": "business.set",
}
"""What sending a file needs, by how its path ends."""


async def find_sender(services: Services, scope: Any) -> UUID | None:
    """The business of a file's path, where the person who is signed in may send such a file."""
    business_id = ids.parse(ids.BUSINESS, scope["path"].split("/")[2])
    token = _cookie(scope["headers"], session_cookie(services.settings))
    session = await sessions.find(services.database, token) if token else None
    if business_id is None or session is None:
        return None
    allowed = await services.database.fetch_caller(
        rights.rights_of, session.operator_id, business_id
    )
    return business_id if RIGHTS[scope["path"].rpartition("/")[2]] in allowed else None


def _cookie(headers: list[tuple[bytes, bytes]], name: str) -> str | None:
    cookies: SimpleCookie = SimpleCookie()
    for header, value in headers:
        if header == b"cookie":
            try:
                cookies.load(value.decode("latin-1"))
            except CookieError:
                return None
    return cookies[name].value if name in cookies else None
