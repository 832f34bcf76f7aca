"""Short codes that open the redemption page like the link, for those whose mail program breaks
links: typed with the address that they were sent to. Ten characters of which no two look alike, 50
bits; guesses are counted for the address that is typed and for where they come from."""

import hmac
import re
from collections.abc import Sequence
from uuid import UUID

from payviox.auth import attempts, redemption
from payviox.auth.attempts import Limit
from payviox.auth.queries import redemption as queries
from payviox.db.pool import Connection
from payviox.keyring import Keyring, ServerKey

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U."""
LENGTH = 10
SHAPE = re.compile(rf"[{ALPHABET}]{{{LENGTH}}}", re.ASCII)
READ_AS = str.maketrans("ILO", "110", "- \t")
LASTS_S = 30 * 24 * 3600


def read(typed: str) -> str | None:
    """The code as it was sent, however it was typed; None where it is none."""
    code = typed.upper().translate(READ_AS)
    return code if SHAPE.fullmatch(code) else None


async def make(
    connection: Connection,
    keyring: Keyring,
    mail_id: UUID,
    business_id: UUID,
    user_id: UUID,
    email: str,
) -> str:
    """The code of this mail, which is the same however often the mail goes out. Secret."""
    mac = hmac.digest(keyring.current.link_key, f"typed code {mail_id}".encode(), "sha256")
    drawn = int.from_bytes(mac)
    code = "".join(ALPHABET[drawn >> 5 * place & 31] for place in range(LENGTH))
    digest = _digest(keyring.current, email, code)
    await queries.insert_code(connection, business_id, user_id, digest, LASTS_S)
    return f"{code[:5]}-{code[5:]}"


async def count(connection: Connection, email: str, place: str | None) -> bool:
    """Count a guess before it is looked at; False where it is one too many."""
    network = attempts.network_of(place)
    limits = [
        Limit.of("typed code", email, attempts.PER_PERSON),
        Limit.of("typed code from", network, attempts.PER_ADDRESS),
    ]
    return await attempts.count(connection, limits)


async def enter(
    connection: Connection,
    keyring: Keyring,
    email: str,
    code: str,
    before: str = "",
    sender: str | None = None,
) -> str:
    """Trade a code for a session, as `redemption.enter` does a hash; where a `sender` is given,
    one of the business alone whose links begin so. Raises LinkEnded."""
    digests: Sequence[bytes] = [
        _digest(keyring.get(key_id), email, code) for key_id in sorted(keyring.ids)
    ]
    caller = await queries.find_code_user(connection, digests, sender)
    return await redemption.open_session(connection, caller, before)


def _digest(key: ServerKey, email: str, code: str) -> bytes:
    message = f"typed code {code} of {email}".encode("utf-8", "surrogatepass")
    return hmac.digest(key.link_key, message, "sha256")
