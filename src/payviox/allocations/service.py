"""Taking unspent money back from payout users, and changing what allocations to them depend on: all
under the payout account's lock, so that no allocation commits under the old state. Database only;
amounts are US cents."""

from collections.abc import Sequence
from uuid import UUID

from payviox import ids
from payviox.actors import Actor
from payviox.acts import Act
from payviox.allocations.queries import groups as queries
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.audit import service as audit
from payviox.auth.hashes import digest, payout_hash
from payviox.db.pool import Connection
from payviox.errors import InsufficientBalance, NotFound
from payviox.keyring import Keyring
from payviox.ledger import service as ledger
from payviox.ledger.model import PAYOUT, InsufficientFunds, Posting, Transfer, user
from payviox.payout_users import service as payout_users
from payviox.payout_users.model import PayoutUser, Status
from payviox.rights import service as rights

GIVEN_BACK = "given back by the payout user"


async def revoke(
    connection: Connection, business_id: UUID, user_id: UUID, amount: int, actor: Actor
) -> Transfer | WaitingAct:
    """Take unspent cents back to the payout balance; over the business's threshold it waits for a
    second person. Raises NotFound, InsufficientBalance."""
    found = await payout_users.get(connection, business_id, user_id)
    asked = {"email": found.email, "amount": amount, **_about(user_id)}
    waiting = await approvals.ask(
        connection, business_id, actor, "payout_user.revoke", amount, asked
    )
    return waiting or await _revoke(connection, business_id, user_id, amount, actor)


async def do_approved(connection: Connection, waiting: WaitingAct, actor: Actor) -> bool:
    """Do a revocation that a second person has just approved; False where it is another act. Raises
    what `revoke` does."""
    user_id = ids.parse(ids.USER, str(waiting.parameters.get("payout_user")))
    if waiting.act != "payout_user.revoke" or user_id is None:
        return False
    await _revoke(connection, waiting.business_id, user_id, waiting.parameters["amount"], actor)
    return True


async def give_back(
    connection: Connection, business_id: UUID, user_id: UUID, amount: int, actor: Actor
) -> Transfer:
    """Move a payout user's own cents back to the payout balance, as they wish. Raises
    InsufficientBalance."""
    return await _revoke(
        connection, business_id, user_id, amount, actor, "payout_user.give_back", GIVEN_BACK
    )


async def _revoke(
    connection: Connection,
    business_id: UUID,
    user_id: UUID,
    amount: int,
    actor: Actor,
    act: Act = "payout_user.revoke",
    reason: str | None = None,
) -> Transfer:
    posting = Posting("revocation", amount, user(user_id), PAYOUT, actor=actor, reason=reason)
    try:
        (moved,) = await ledger.post(connection, business_id, [posting])
    except InsufficientFunds as error:
        raise InsufficientBalance(held=error.held, asked=error.asked) from error
    detail = {**_about(user_id), "amount": amount}
    await audit.record(connection, business_id, actor, act, detail)
    return moved


async def set_status(
    connection: Connection, business_id: UUID, user_id: UUID, status: Status, actor: Actor
) -> PayoutUser:
    """Activate or deactivate a payout user. An inactive one's hash opens nothing and nothing can be
    allocated to them; their open orders go on. Raises NotFound and Forbidden."""
    act: Act = "payout_user.activate" if status == "active" else "payout_user.deactivate"
    await rights.require(connection, business_id, actor, act)
    await ledger.lock(connection, business_id, [PAYOUT])
    await payout_users.get(connection, business_id, user_id)
    if await payout_users.set_status(connection, business_id, user_id, status):
        await audit.record(connection, business_id, actor, act, _about(user_id))
    return await payout_users.get(connection, business_id, user_id)


async def current_hash(
    connection: Connection, keyring: Keyring, business_id: UUID, user_id: UUID
) -> str:
    """The hash as it is, which may have expired. Raises NotFound, and SettingsError where the
    server key that it was made with is gone."""
    source = await payout_users.hash_source(connection, business_id, user_id)
    if source is None:
        raise NotFound
    key = keyring.get(source.hash_key_id)
    return payout_hash(key, source.hash_code, business_id, user_id, source.hash_generation)


async def rotate_hash(
    connection: Connection, keyring: Keyring, business_id: UUID, user_id: UUID, actor: Actor
) -> str:
    """A new hash, shown by this answer and by every allocation from now on; the old one stops with
    the commit. Raises NotFound."""
    await ledger.lock(connection, business_id, [PAYOUT])
    made, generation = await _renew_hash(connection, keyring, business_id, user_id, 1)
    await audit.record(
        connection,
        business_id,
        actor,
        "payout_user.rotate_hash",
        _about(user_id),
        before={"generation": generation - 1},
        after={"generation": generation},
    )
    return made


async def rotate_hashes(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    user_ids: Sequence[UUID],
    *,
    step: int,
) -> None:
    """New hashes for these payout users, `step` generations on: the ones in between, which may
    have been made and stopped by what this database does not know, are left out. Raises
    NotFound."""
    await ledger.lock(connection, business_id, [PAYOUT])
    for user_id in user_ids:
        await _renew_hash(connection, keyring, business_id, user_id, step)


async def _renew_hash(
    connection: Connection, keyring: Keyring, business_id: UUID, user_id: UUID, step: int
) -> tuple[str, int]:
    source = await payout_users.next_generation(connection, business_id, user_id, step)
    if source is None:
        raise NotFound
    key = keyring.current
    made = payout_hash(key, source.hash_code, business_id, user_id, source.hash_generation)
    await payout_users.set_digest(connection, business_id, user_id, key.id, digest(made))
    return made, source.hash_generation


def _about(user_id: UUID) -> dict[str, object]:
    return {"payout_user": ids.show(ids.USER, user_id)}


async def forget_old_groups(connection: Connection, limit: int) -> int:
    """Delete the ids of groups that nobody can still ask for, so many at most. Return how many."""
    return await queries.forget_old_groups(connection, limit)
