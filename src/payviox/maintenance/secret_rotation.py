"""Bringing everything that is encrypted under the current secret key. What is done stands in the
rows themselves, so it may be interrupted anywhere and started again, beside running processes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from payviox.auth import secret_keys
from payviox.auth.secret_keys import Left
from payviox.businesses import service as businesses
from payviox.db.pool import Connection, Database
from payviox.giftcards import rotation
from payviox.keyring import Keyring
from payviox.rail_accounts import service as rail_accounts
from payviox.webhooks import settings as webhooks

Step = Literal["gift_cards", "webhooks", "rail_accounts"]

ROTATED = "secret_key.rotated"
"""The audit action, in every business: each has something that the keys encrypt or derive."""


@dataclass(frozen=True, slots=True)
class Progress:
    """So many of a step are done, of `total` where that is known."""

    step: Step
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many of each were re-encrypted this time, which previous keys are still needed for
    hashes, and which are not any more."""

    gift_cards: int
    webhooks: int
    rail_accounts: int
    still_needed: tuple[Left, ...]
    forgotten: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to do."""
        return not (self.gift_cards or self.webhooks or self.rail_accounts or self.forgotten)


async def rotate(
    database: Database,
    keyring: Keyring,
    actor: str,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Rotated:
    """Re-encrypt gift cards, webhooks' tokens and rail accounts, forget the keys that nothing names
    any more, and write down who did it.

    Raises SettingsError where a key is not configured, DecryptionFailed where a row was changed;
    what was done until then is kept.
    """
    before = await database.write(secret_keys.require_all, keyring)
    cards = await rotation.reencrypt(
        database, keyring, lambda done, total: progress(Progress("gift_cards", done, total))
    )
    tokens = 0
    while count := await database.write(webhooks.reencrypt, keyring):
        tokens += count
        progress(Progress("webhooks", tokens))
    accounts = 0
    while count := await database.write(rail_accounts.reencrypt, keyring):
        accounts += count
        progress(Progress("rail_accounts", accounts))
    sums = (cards, tokens, accounts)
    return await database.write(_finish, keyring, actor, sums, frozenset(before))


async def _finish(
    connection: Connection,
    keyring: Keyring,
    actor: str,
    sums: tuple[int, int, int],
    before: frozenset[str],
) -> Rotated:
    left = tuple(await secret_keys.forget_unused(connection, keyring))
    forgotten = before - {keyring.current.id, *(key.key_id for key in left)}
    done = Rotated(*sums, still_needed=left, forgotten=tuple(sorted(forgotten)))
    if not done.nothing:
        detail = {
            "key": keyring.current.id,
            "gift_cards": done.gift_cards,
            "webhooks": done.webhooks,
            "rail_accounts": done.rail_accounts,
            "still_needed": [key.key_id for key in left],
            "forgotten": list(done.forgotten),
        }
        for business in await businesses.list_all(connection):
            await businesses.audit(connection, business.id, actor, ROTATED, detail)
    return done
