"""Bringing everything that is encrypted under the current secret key. What is done stands in the
rows themselves, so it may be interrupted anywhere and started again, beside running processes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.auth import authenticator, secret_keys
from payviox.auth.secret_keys import Left
from payviox.bank import accounts as bank_accounts
from payviox.bank import files as bank_files
from payviox.db.pool import Connection, Database
from payviox.errors import PayvioxError
from payviox.giftcards import rotation
from payviox.keyring import Keyring
from payviox.ledger import seals
from payviox.rail_accounts import service as rail_accounts
from payviox.webhooks import settings as webhooks

Step = Literal["gift_cards", "webhooks", "rail_accounts", "authenticator_apps", "bank"]

"""The audit action, in every business: each has something that the keys encrypt or derive."""


@dataclass(frozen=True, slots=True)
class Progress:
    """So many of a step are done, of `total` where that is known."""

    step: Step
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Rotated:
    """How many of each were re-encrypted this time, of how many businesses the newest seal was
    another key's and is the current one's now, which previous keys are still needed for hashes, and
    which are not any more."""

    gift_cards: int
    webhooks: int
    rail_accounts: int
    authenticator_apps: int
    bank: int
    seals: int
    still_needed: tuple[Left, ...]
    forgotten: tuple[str, ...]

    @property
    def nothing(self) -> bool:
        """Whether there was nothing to do."""
        done = (
            self.gift_cards,
            self.webhooks,
            self.rail_accounts,
            self.authenticator_apps,
            self.bank,
            self.seals,
        )
        return not (any(done) or self.forgotten)


async def rotate(
    database: Database,
    keyring: Keyring,
    actor: Actor,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Rotated:
    """Re-encrypt gift cards, webhooks' tokens, rail accounts, authenticator apps, bank accounts and
    files to banks, forget the keys that nothing names any more, and write down who did it.

    Raises SettingsError where a key is not configured, DecryptionFailed where a row was changed,
    PayvioxError where the newest seals could not be signed anew; what was done until then is kept.
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
    apps = 0
    while count := await database.write(authenticator.reencrypt, keyring):
        apps += count
        progress(Progress("authenticator_apps", apps))
    banks = 0
    for reencrypt in (bank_accounts.reencrypt, bank_files.reencrypt):
        while count := await database.write(reencrypt, keyring):
            banks += count
            progress(Progress("bank", banks))
    sealed = await _seal(database, keyring)
    sums = (cards, tokens, accounts, apps, banks, sealed)
    return await database.write(_finish, keyring, actor, sums, frozenset(before))


async def _seal(database: Database, keyring: Keyring) -> int:
    """Let the current key sign each business's newest seal: without the one before, the worker
    would not follow what that signed. Answers of how many businesses the newest was another's."""
    others = await database.fetch(seals.count_of_other_keys, keyring)
    made = await seals.make_all(database, keyring)
    if not made.is_done:
        raise PayvioxError(
            "The current secret key has not sealed the ledger yet, as a transaction that writes has"
            " not ended. Run the command again."
        )
    return others - await database.fetch(seals.count_of_other_keys, keyring)


async def _finish(
    connection: Connection,
    keyring: Keyring,
    actor: Actor,
    sums: tuple[int, int, int, int, int, int],
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
            "authenticator_apps": done.authenticator_apps,
            "bank": done.bank,
            "seals": done.seals,
            "still_needed": [key.key_id for key in left],
            "forgotten": list(done.forgotten),
        }
        await audit.record_of_installation(connection, actor, "secrets.rotate", detail)
    return done
