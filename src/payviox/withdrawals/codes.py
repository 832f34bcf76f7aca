"""Codes by mail before a withdrawal, where the business asks for them. A code is good for one
quote, once, for ten minutes and five guesses. It is derived from a row's id and a secret key, so
that a mail that goes out again carries the same one and no table holds any. Whoever has a payout
user's hash alone, on the page or at the API, makes no order that needs a code."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.auth import attempts
from payviox.auth.attempts import Limit
from payviox.auth.users import UserCaller
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.errors import Conflict, TooManyAttempts
from payviox.keyring import Keyring
from payviox.mails import outbox
from payviox.mails.model import Mail, Message, Prepare
from payviox.payout_users import service as payout_users
from payviox.recipient_mails.contents import framed
from payviox.withdrawals import quotes
from payviox.withdrawals.queries import codes as queries

LASTS_S = 10 * 60
PAUSE_S = 60
"""Another code is sent after so many seconds at the earliest."""
GUESSES = 5
MAILS = 5
"""Codes that one payout user is sent within the window of guesses."""
DEVICE_DAYS = 365
"""A browser that was not used for so long is a new one."""
DEVICE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class CodeNeeded(Conflict):
    message = "A code by mail is needed for this: withdraw on the redemption page"


def may_be_needed(business: Business) -> bool:
    """Whether the business asks for a code before some orders."""
    return business.code_first or business.code_new_device or business.code_amount is not None


async def require(
    connection: Connection,
    business: Business,
    user_id: UUID,
    amount: int,
    quote_id: UUID | None,
    device: str | None,
) -> None:
    """Raise CodeNeeded where the business's rule asks for a code that was not typed for this quote.
    The caller holds the payout user's account: what is asked for at once counts together."""
    if not may_be_needed(business):
        return
    digest = _device_digest(device) if device else None
    if not await queries.is_needed(connection, business.id, user_id, amount, digest):
        return
    if quote_id is None or not await queries.is_confirmed(
        connection, business.id, user_id, quote_id
    ):
        raise CodeNeeded


async def send(
    connection: Connection, keyring: Keyring, caller: UserCaller, quote_id: UUID
) -> bool:
    """Mail a code for this quote, in place of the one before; False where one was sent just now.
    Raises NotFound and TooManyAttempts."""
    await quotes.get(connection, caller.business_id, caller.user_id, quote_id)
    code = await _lock(connection, caller, quote_id)
    if code is not None and (code.is_fresh and code.is_open):
        return False
    limits = [Limit.of("withdrawal codes sent", str(caller.user_id), MAILS)]
    if not await attempts.count(connection, limits):
        raise TooManyAttempts
    code_id = ids.new()
    await queries.put(
        connection, caller.business_id, caller.user_id, quote_id, code_id, keyring.current.id
    )
    facts = {"user": ids.show(ids.USER, caller.user_id), "code_id": str(code_id)}
    await outbox.put(
        connection,
        f"code {code_id}",
        caller.email,
        "code",
        facts,
        business_id=caller.business_id,
    )
    return True


async def check(
    connection: Connection, keyring: Keyring, caller: UserCaller, quote_id: UUID, typed: str
) -> bool:
    """Whether this is the quote's code; then it is confirmed. Every guess counts, whatever comes of
    it: the caller commits where it is wrong, too. Raises TooManyAttempts."""
    name = str(caller.user_id)
    window = Limit.of("withdrawal code", name, attempts.CODES)
    day = Limit.of("withdrawal code of a day", name, attempts.CODES_A_DAY, attempts.DAY_S)
    if not await attempts.count(connection, [window, day]):
        raise TooManyAttempts
    code = await _lock(connection, caller, quote_id)
    if code is None or not code.is_open:
        return False
    right = _code(keyring, code.key_id, code.id)
    presented = "".join(typed.split())
    is_right = hmac.compare_digest(right.encode(), presented.encode("utf-8", "surrogatepass"))
    await queries.count_guess(connection, caller.business_id, quote_id, is_right=is_right)
    if is_right:
        await attempts.forget(connection, [window])
    return is_right


async def is_confirmed(connection: Connection, caller: UserCaller, quote_id: UUID) -> bool:
    """Whether the quote's code was typed: who presses twice is not told that it was wrong."""
    return await queries.is_confirmed(connection, caller.business_id, caller.user_id, quote_id)


async def know_device(connection: Connection, caller: UserCaller, device: str) -> None:
    """Ask this browser for no code as a new one any more."""
    await queries.keep_device(
        connection, caller.business_id, caller.user_id, _device_digest(device)
    )


def device_of(token: str) -> str:
    """The browser's token, or a new one where it has none."""
    return token if DEVICE.fullmatch(token) else secrets.token_urlsafe(32)


async def forget_devices(connection: Connection) -> int:
    """Forget browsers that were not used for long. Return how many."""
    return await queries.forget_devices(connection, DEVICE_DAYS)


def prepares(keyring: Keyring, site: str) -> Mapping[Message, Prepare]:
    """What completes the mail with a code. `site` is the installation's address."""
    return {"code": partial(_prepare, keyring, site)}


async def _prepare(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    """A code that nobody can type any more is not sent."""
    user_id, code_id = ids.parse(ids.USER, mail.facts["user"]), UUID(mail.facts["code_id"])
    if mail.business_id is None or user_id is None:
        raise ValueError(f"mail {mail.id} is about no payout user")
    key_id = await queries.find_open(connection, code_id, mail.business_id, LASTS_S)
    user = await payout_users.get(connection, mail.business_id, user_id)
    frame = await framed(keyring, site, connection, mail.business_id, user)
    if key_id is None or frame is None:
        return None
    return {**frame, "code": _code(keyring, key_id, code_id)}


async def _lock(connection: Connection, caller: UserCaller, quote_id: UUID) -> queries.Code | None:
    return await queries.lock(
        connection, caller.business_id, caller.user_id, quote_id, LASTS_S, GUESSES, PAUSE_S
    )


def _code(keyring: Keyring, key_id: str, code_id: UUID) -> str:
    """Six digits of an HMAC-SHA256."""
    mac = hmac.digest(keyring.get(key_id).link_key, f"withdrawal code {code_id}".encode(), "sha256")
    return f"{int.from_bytes(mac) % 1_000_000:06}"


def _device_digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
