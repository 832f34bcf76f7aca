"""One group of allocations in one transaction: lock, decide, write, commit. The decision is plain
Python over what was locked; its order of checks is the wire contract's."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import psycopg

from payviox import ids, tracing
from payviox.allocations.model import (
    AccountRow,
    Allocated,
    Item,
    NoticeRow,
    Outcome,
    Refused,
    SpendingKey,
    SpendingRow,
    TransferRow,
    User,
    UserRow,
    Writes,
)
from payviox.allocations.queries import groups as queries
from payviox.auth.hashes import digest, payout_hash
from payviox.auth.restrictions import over_limit, refusal
from payviox.db.pool import ENDED, UNSURE, Connection, NotCommitted, roll_back
from payviox.errors import (
    IdempotencyMismatch,
    InsufficientPayoutBalance,
    PayoutsDisabled,
    PayoutUserInactive,
    Unauthorized,
)
from payviox.keyring import Keyring

logger = logging.getLogger(__name__)


class Declined(Exception):
    """How a Record stops its group: it reaches the caller as it is."""


Record = Callable[[Connection, Sequence[Outcome]], Awaitable[None]]
"""Writes something of the caller's own in the group's transaction, knowing its outcomes. It is run
again where the transaction is."""


class CommitUnknown(Exception):
    """The connection was lost at COMMIT, or a cluster's coordinator has lost a node's. `group_id`
    tells on a new one whether it happened; where it did not, `refusal` is what was answered."""

    def __init__(
        self, group_id: UUID, outcomes: list[Outcome], refusal: psycopg.Error | None = None
    ) -> None:
        super().__init__("the outcome of COMMIT is not known")
        self.group_id = group_id
        self.outcomes = outcomes
        self.refusal = refusal


async def allocate(
    connection: Connection,
    keyring: Keyring,
    business_id: UUID,
    items: Sequence[Item],
    *,
    atomic: bool = False,
    record: Record | None = None,
) -> list[Outcome]:
    """Allocate what can be, refuse what cannot, commit, and answer an outcome for each item.

    `atomic` commits only if every item can be, and raises Refused otherwise. Raises NotCommitted
    where the connection was lost before COMMIT, CommitUnknown where it was at it, and what
    PostgreSQL raises when it refuses a statement; in every case but CommitUnknown nothing was
    written.
    """
    try:
        with tracing.child("lock and read"):
            begun = await queries.begin(
                connection,
                business_id,
                list({item.email for item in items}),
                list({item.idempotency_key for item in items if item.idempotency_key is not None}),
                list({item.key_id for item in items if item.place is not None and item.key_id}),
            )
        decision = _Decision(keyring, business_id, begun)
        outcomes = [decision.settle(item) for item in items]
        if atomic and not all(isinstance(outcome, Allocated) for outcome in outcomes):
            raise Refused(outcomes)  # noqa: TRY301  # rolled back just below
        writes = decision.writes(business_id)
    except BaseException as error:
        is_whole = await roll_back(connection)
        if isinstance(error, ENDED) or (not is_whole and isinstance(error, psycopg.Error)):
            raise NotCommitted from error
        raise
    await _commit(connection, writes, outcomes, record)
    return outcomes


async def _commit(
    connection: Connection, writes: Writes, outcomes: list[Outcome], record: Record | None
) -> None:
    committing = record is None
    try:
        if record is None:
            with tracing.child("write and commit"):
                await queries.write_and_commit(connection, writes)
        else:
            await queries.write(connection, writes)
            await record(connection, outcomes)
            committing = True
            with tracing.child("commit"):
                await queries.commit(connection)
    except BaseException as error:
        lost = not await roll_back(connection) or isinstance(error, ENDED)
        if committing and isinstance(error, UNSURE):
            raise CommitUnknown(writes.group_id, outcomes, None if lost else error) from error
        if lost and isinstance(error, psycopg.Error):
            if committing:
                raise CommitUnknown(writes.group_id, outcomes) from error
            raise NotCommitted from error
        raise


class _Decision:
    """Settles a group's items one after another on the locked balances."""

    def __init__(
        self,
        keyring: Keyring,
        business_id: UUID,
        begun: queries.Begun,
    ) -> None:
        self.keyring = keyring
        self.business_id = str(business_id)
        self.payout = begun.payout
        self.users = begun.users
        self.replays = begun.replays
        self.keys = frozenset(begun.payout.keys)
        self.restricted = begun.keys
        self.transfers: list[TransferRow] = []
        self.noticed: dict[str, int] = {}

    def settle(self, item: Item) -> Outcome:
        """Decide each item in the contract's order: key, replay, payouts enabled, inactive user,
        balance; a restricted key's limits come before the balance."""
        if item.place is not None:
            return self._settle_restricted(item, item.place)
        if item.key_id is not None and item.key_id not in self.keys:
            return Unauthorized()
        if item.idempotency_key in self.replays:
            return self._replay(item, item.idempotency_key)
        return self._pay(item)

    def _settle_restricted(self, item: Item, place: str) -> Outcome:
        """The same within what a restricted key may do: a replay spends nothing, and without its
        scope no hash is answered."""
        key = self.restricted.get(item.key_id or "")
        if key is None:
            return Unauthorized()
        if place not in key.allowed:
            refused = refusal(key.scopes, key.networks, "allocate", place)
            if refused is not None:
                return refused
            key.allowed.add(place)
        if item.idempotency_key in self.replays:
            outcome = self._replay(item, item.idempotency_key)
        else:
            outcome = self._pay(item, key)
        if "hashes" not in key.scopes and isinstance(outcome, Allocated):
            return Allocated(outcome.user_id, "", outcome.replayed)
        return outcome

    def _replay(self, item: Item, idempotency_key: str) -> Outcome:
        first_digest, user = self.replays[idempotency_key]
        if first_digest != item.digest:
            return IdempotencyMismatch()
        return Allocated(user.id, self._hash(user), replayed=True)

    def _pay(self, item: Item, key: SpendingKey | None = None) -> Outcome:
        payout = self.payout
        if not payout.enabled:
            return PayoutsDisabled()
        user = self.users.get(item.email) or self._new_user(item.email)
        if not user.active:
            return PayoutUserInactive()
        if key is not None:
            spent = key.spent + key.spending
            refused = over_limit(item.amount, spent, key.amount_limit, key.daily_limit)
            if refused is not None:
                return refused
        if payout.balance < item.amount:
            return InsufficientPayoutBalance()
        if key is not None:
            key.spending += item.amount
        return self._move(item, user)

    def _move(self, item: Item, user: User) -> Allocated:
        payout = self.payout
        payout.balance -= item.amount
        payout.version += 1
        user.balance += item.amount
        user.version += 1
        user.touched = True
        self.users[item.email] = user
        self.transfers.append(
            TransferRow(
                user.id,
                item.amount,
                payout.version,
                payout.balance,
                user.version,
                user.balance,
                item.reference,
                item.idempotency_key,
                item.digest,
                item.actor,
            )
        )
        if payout.notify if item.notify is None else item.notify:
            self.noticed[user.id] = self.noticed.get(user.id, 0) + item.amount
        if item.idempotency_key is not None:
            self.replays[item.idempotency_key] = (item.digest or "", user)
        return Allocated(user.id, self._hash(user))

    def _new_user(self, email: str) -> User:
        """A payout user who will be written only if an allocation to them succeeds."""
        return User(
            str(ids.new()), email, True, self.keyring.current.id, 1, balance=0, version=0, new=True
        )

    def _hash(self, user: User) -> str:
        if not user.hash:
            key = self.keyring.get(user.hash_key_id)
            user.hash = payout_hash(
                key, self.payout.hash_code, self.business_id, user.id, user.generation
            )
        return user.hash

    def writes(self, business_id: UUID) -> Writes:
        touched = [user for user in self.users.values() if user.touched]
        # Where hashes live for a time, being paid renews it: nobody is answered an expired hash.
        renewed = self.payout.hash_lifetime_days is not None
        return Writes(
            business_id=business_id,
            group_id=ids.new(),
            payout=self.payout,
            users=[
                UserRow(user.id, user.email, user.hash_key_id, digest(self._hash(user)).hex())
                for user in touched
                if user.new or renewed
            ],
            accounts=[AccountRow(user.id, user.balance, user.version) for user in touched],
            transfers=self.transfers,
            notices=[
                NoticeRow(user_id, str(ids.new()), amount)
                for user_id, amount in self.noticed.items()
            ],
            spending=[
                SpendingRow(key.id, key.day, key.spending)
                for key in self.restricted.values()
                if key.spending
            ],
        )
