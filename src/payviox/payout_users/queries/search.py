"""The SQL of searching payout users as people type. Addresses are ASCII in lower case: they are
compared byte by byte, as their indexes have them."""

import re
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from payviox.db.pool import Connection
from payviox.payout_users.model import PayoutUser
from payviox.payout_users.queries.payout_users import SELECT

LAST_WORD = re.compile(r"[._-]([^._+@-]+)(?:\+[^@]*)?@")
"""The last of several words before the @, a +tag left out; migration 0004_search.sql has it too."""
WORD = f"substring(u.email from '{LAST_WORD.pattern}') COLLATE \"C\""
DOMAIN = "split_part(u.email, '@', 2) COLLATE \"C\""

IN_ADDRESS = "u.email ~>=~ %(text)s AND u.email ~<~ %(beyond)s"
IN_WORD = f"{WORD} >= %(text)s AND {WORD} < %(beyond)s"
IN_DOMAIN = f"{DOMAIN} >= %(domain)s AND {DOMAIN} < %(beyond_domain)s"


class Way(msgspec.Struct, frozen=True):
    """How somebody may be found, in the order of an index. `following` are those who come after the
    user of whom %(after)s and the others tell, part by part."""

    found: str
    order: str
    following: tuple[str, ...]


WAYS = (
    Way(IN_ADDRESS, "u.email USING ~<~", ("u.email ~>~ %(after)s",)),
    Way(
        f"{IN_WORD} AND NOT ({IN_ADDRESS})",
        f'{WORD}, u.email COLLATE "C"',
        (
            f'{WORD} = %(after_word)s AND u.email COLLATE "C" > %(after)s',
            f"{WORD} > %(after_word)s",
        ),
    ),
    Way(
        f"{IN_DOMAIN} AND NOT ({IN_ADDRESS}) AND ({IN_WORD}) IS NOT TRUE",
        f'{DOMAIN}, u.email COLLATE "C"',
        (
            f'{DOMAIN} = %(after_domain)s AND u.email COLLATE "C" > %(after)s',
            f"{DOMAIN} > %(after_domain)s",
        ),
    ),
)


async def search(
    connection: Connection, business_id: UUID, text: str, after: UUID | None, limit: int
) -> list[PayoutUser]:
    """Payout users whose address begins so, then those the last word before whose @ does, then
    those whose domain does; those after the user `after`. Each part is read in the order of an
    index, and the next one is begun only where there is room left."""
    email, first = "", 0
    if after is not None:
        cursor = await connection.execute(
            "SELECT email FROM payout_users WHERE business_id = %s AND id = %s",
            [business_id, after],
        )
        row = await cursor.fetchone()
        if row is None:
            return []
        email = str(row[0])
        first = _way(email, text)
    parts = [
        f"({SELECT} WHERE u.business_id = %(business)s AND {way.found}{since}"
        f" ORDER BY {way.order} LIMIT %(limit)s)"
        for number, way in enumerate(WAYS[first:], first)
        for since in (
            [f" AND {one}" for one in way.following] if after and number == first else [""]
        )
    ]
    domain = text.removeprefix("@")
    async with connection.cursor(row_factory=class_row(PayoutUser)) as hits:
        await hits.execute(
            f"SELECT * FROM ({' UNION ALL '.join(parts)}) found LIMIT %(limit)s",  # noqa: S608  # constants
            {
                "business": business_id,
                "text": text,
                "beyond": f"{text}\x7f",
                "domain": domain,
                "beyond_domain": f"{domain}\x7f",
                "after": email,
                "after_word": _last_word(email),
                "after_domain": email.partition("@")[2],
                "limit": limit,
            },
        )
        return await hits.fetchall()


def _way(email: str, text: str) -> int:
    """By which way this address is found."""
    if email.startswith(text):
        return 0
    return 1 if _last_word(email).startswith(text) else 2


def _last_word(email: str) -> str:
    found = LAST_WORD.search(email)
    return found[1] if found else ""
