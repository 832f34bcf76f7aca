"""What mails to payout users say beyond their facts, made when they are sent: above all the link,
whose hash stands in no table."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.auth import redemption, typed_codes
from payviox.auth.hashes import payout_hash
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.languages import catalogues
from payviox.mails.model import Mail, Message, Prepare
from payviox.payout_users import service as payout_users
from payviox.payout_users.model import PayoutUser
from payviox.recipient_mails.brand import brand_of
from payviox.sites import hosts


def prepares(keyring: Keyring, site: str) -> Mapping[Message, Prepare]:
    """For each message of this room what completes it. `site` is the installation's address."""
    return {"money_received": partial(_money_received, keyring, site)}


async def _money_received(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    """Nobody is told of money that was taken back or withdrawn meanwhile."""
    business_id, user_id = _about(mail)
    user = await payout_users.get(connection, business_id, user_id)
    if user.balance == 0:
        return None
    frame = await framed(keyring, site, connection, business_id, user)
    if frame is None:
        return None
    language = frame["language"]
    return {
        **frame,
        **await code_to_type(keyring, connection, mail, user_id, frame),
        "amount": language.money(mail.facts["cents"]),
        "balance": language.money(user.balance),
    }


async def framed(
    keyring: Keyring, site: str, connection: Connection, business_id: UUID, user: PayoutUser
) -> Mapping[str, Any] | None:
    """The brand, the link and the language that every mail to a payout user has; None where their
    link opens nothing, since they are inactive."""
    user_id = user.id
    source = await payout_users.hash_source(connection, business_id, user_id)
    if user.status != "active" or source is None:
        return None
    key = keyring.get(source.hash_key_id)
    shown = payout_hash(key, source.hash_code, business_id, user_id, source.hash_generation)
    business = await businesses.get(connection, business_id)
    home = await hosts.address(connection, business_id, site)
    spoken = await redemption.language_of(connection, business_id, user_id)
    return {
        "brand": brand_of(business),
        "link": redemption.redeem_address(home, shown),
        "language": catalogues.get(spoken) or catalogues.get_or_english(business.language),
    }


async def code_to_type(
    keyring: Keyring,
    connection: Connection,
    mail: Mail,
    user_id: UUID,
    frame: Mapping[str, Any],
) -> Mapping[str, Any]:
    """What opens the page where a mail program breaks the link, and where it is typed."""
    if mail.business_id is None:
        raise ValueError(f"mail {mail.id} is about no payout user")
    typed_at = str(frame["link"]).partition("://")[2].partition("#")[0]
    code = await typed_codes.make(
        connection, keyring, mail.id, mail.business_id, user_id, mail.recipient
    )
    return {"typed_code": code, "typed_at": typed_at}


def _about(mail: Mail) -> tuple[UUID, UUID]:
    user_id = ids.parse(ids.USER, mail.facts["user"])
    if mail.business_id is None or user_id is None:
        raise ValueError(f"mail {mail.id} is about no payout user")
    return mail.business_id, user_id
