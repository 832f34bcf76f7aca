"""What mails about unclaimed money say beyond their facts, made when they are sent."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.mails.model import Mail, Message, Prepare
from payviox.payout_users import service as payout_users
from payviox.recipient_mails.contents import code_to_type, framed
from payviox.unclaimed import expiry, reminders
from payviox.unclaimed.queries import reminders as queries


def prepares(keyring: Keyring, site: str) -> Mapping[Message, Prepare]:
    """For each message of this room what completes it. `site` is the installation's address."""
    return {
        "reminder": partial(_reminder, keyring, site),
        "expiry_announced": partial(_announced, keyring, site),
        "expired": partial(_expired, keyring, site),
    }


async def _reminder(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    """Nobody is reminded of what they have taken, or who wants no reminders."""
    business_id, user_id = _about(mail)
    about = await queries.find(connection, business_id, user_id)
    user = await payout_users.get(connection, business_id, user_id)
    frame = await framed(keyring, site, connection, business_id, user)
    if about is None or frame is None:
        return None
    language = frame["language"]
    return {
        **frame,
        **await code_to_type(keyring, connection, mail, user_id, frame),
        "amount": language.money(about.balance),
        "since": language.day(about.since),
        "stop_address": reminders.stop_address(site, keyring, business_id, user_id),
    }


async def _announced(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    """Nobody is told of what they have taken or what holds no more."""
    business_id, user_id = _about(mail)
    notice_id = UUID(mail.facts["notice"])
    about = await expiry.find_announced(connection, business_id, user_id, notice_id)
    user = await payout_users.get(connection, business_id, user_id)
    frame = await framed(keyring, site, connection, business_id, user)
    if about is None or frame is None:
        return None
    language = frame["language"]
    return {
        **frame,
        **await code_to_type(keyring, connection, mail, user_id, frame),
        "amount": language.money(about.cents),
        "until": language.day(about.expires_at),
    }


async def _expired(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    business_id, user_id = _about(mail)
    user = await payout_users.get(connection, business_id, user_id)
    frame = await framed(keyring, site, connection, business_id, user)
    if frame is None:
        return None
    language = frame["language"]
    return {
        **frame,
        "amount": language.money(mail.facts["cents"]),
        "balance": language.money(user.balance),
    }


def _about(mail: Mail) -> tuple[UUID, UUID]:
    user_id = ids.parse(ids.USER, mail.facts["user"])
    if mail.business_id is None or user_id is None:
        raise ValueError(f"mail {mail.id} is about no payout user")
    return mail.business_id, user_id
