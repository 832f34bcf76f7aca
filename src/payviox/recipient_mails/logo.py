"""A business's logo: a picture that somebody sent is written anew, small and without whatever else
was in the file, and kept in the database."""

import re
from contextlib import aclosing
from uuid import UUID

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.recipient_mails.queries import logos as queries
from payviox.tables.cells import FileRefused
from payviox.tables.process import read_frames

PATH = "/redeem/logo"
"""Where a logo is served, under its digest."""
MAX_FILE = 2_000_000
"""Bytes of a picture that is sent."""
READER = "payviox.recipient_mails.logo_reader"
PNG = b"\x89PNG"
DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


def address_of(digest: str | None) -> str | None:
    """Where the logo with this digest is served."""
    return digest and f"{PATH}/{digest}"


async def drawn(content: bytes) -> bytes:
    """A picture as the PNG that is kept: no larger than 480 x 120, a few kB, without metadata. It
    is read in a process of its own. Raises FileRefused."""
    async with aclosing(read_frames(READER, "", content)) as frames:
        async for frame in frames:
            if frame.startswith(PNG):
                return frame
            raise FileRefused(frame.decode())
    raise FileRefused("This file cannot be read.")


async def save(
    connection: Connection, business_id: UUID, content: bytes | None, actor: Actor
) -> Business:
    """Show this logo, as it was `drawn`, or none; answer the business. Raises NotFound and
    Forbidden."""
    before = await businesses.get(connection, business_id)
    await queries.set_logo(connection, business_id, content)
    after = await businesses.get(connection, business_id)
    if after != before:
        await audit.record(
            connection,
            business_id,
            actor,
            "business.set",
            before={"brand_logo_digest": before.brand_logo_digest},
            after={"brand_logo_digest": after.brand_logo_digest},
            needs_proof=content is not None,
        )
    return after


async def find(connection: Connection, digest: str, business_id: UUID | None) -> bytes | None:
    """The PNG with this digest; that of this business alone where one is named."""
    if DIGEST.fullmatch(digest) is None:
        return None
    return await queries.find(connection, digest, business_id)
