"""Money between the world, the main and the payout balance, and everything that must take the
payout account's lock. Database only, in the caller's transaction. Amounts are US cents."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec

from payviox.actors import Actor
from payviox.approvals import service as approvals
from payviox.approvals.service import WaitingAct
from payviox.audit import service as audit
from payviox.auth import keys
from payviox.auth.keys import Kind, Mode
from payviox.businesses import service as businesses
from payviox.businesses.model import Business
from payviox.db.pool import Connection
from payviox.errors import Conflict, InsufficientBalance
from payviox.ledger import service as ledger
from payviox.ledger import statements
from payviox.ledger.model import MAIN, PAYOUT, WORLD, InsufficientFunds, Posting, Transfer
from payviox.text import composed, spellings

GUARDED = (
    "second_person_amount",
    "review_amount",
    "review_first_use",
    "review_shared_users",
    "review_velocity_orders",
    "review_velocity_amount",
    "review_rails",
    "review_new_bank_account",
    "bank_cooling_hours",
    "code_first",
    "code_amount",
    "code_new_device",
)
"""Rules that say which orders people look at, how many people, and what a link alone cannot do:
where two have to agree, nobody switches that off alone."""


class Balances(msgspec.Struct, frozen=True):
    """A business's main balance and its payout balance, in cents."""

    balance: int
    payout_balance: int


class Booked(msgspec.Struct, frozen=True):
    """A transfer with a reference; `already_booked` where an earlier call made it and this one
    changed nothing."""

    transfer: Transfer
    already_booked: bool


class NewBusiness(msgspec.Struct, frozen=True):
    """A twin just made, with its keys: the only time that they are seen."""

    business: Business
    secret_key: str
    public_key: str


async def open_organization(
    connection: Connection, name: str, actor: Actor
) -> tuple[NewBusiness, NewBusiness]:
    """A live and a test business with their accounts and keys, payouts off."""
    live, test = await businesses.create(connection, name)
    for business in (live, test):
        after = {"name": name, "mode": business.mode}
        await audit.record(connection, business.id, actor, "business.create", after=after)
    return await _open(connection, live, "live"), await _open(connection, test, "test")


async def _open(connection: Connection, business: Business, mode: Mode) -> NewBusiness:
    await ledger.open_business_accounts(connection, business.id)
    return NewBusiness(
        business,
        await keys.create(connection, business.id, mode, "secret"),
        await keys.create(connection, business.id, mode, "public"),
    )


async def balances(
    connection: Connection, business_id: UUID, at: datetime | None = None
) -> Balances:
    """The balances as they are, or as they were at a moment. Raises FieldErrors where that is still
    to come."""
    if at is None:
        accounts = await ledger.balances(connection, business_id, ["main", "payout"])
    else:
        await statements.require_past(connection, at=at)
        accounts = await statements.balances_at(connection, business_id, at)
    return Balances(accounts["main"], accounts["payout"])


async def deposit(
    connection: Connection, business_id: UUID, amount: int, reference: str, actor: Actor
) -> Booked | WaitingAct:
    """Credit the main balance, once for each reference. Over the threshold it waits for a second
    person.

    The same reference again, however its letters are composed, answers the first transfer; with
    another amount it raises Conflict.
    """
    earlier = await ledger.find_by_reference(
        connection, business_id, "deposit", spellings(reference)
    )
    if earlier is None:
        asked = {"amount": amount, "reference": reference}
        waiting = await approvals.ask(
            connection, business_id, actor, "balance.deposit", amount, asked
        )
        if waiting is not None:
            return waiting
    return await _deposit(connection, business_id, amount, reference, actor)


async def _deposit(
    connection: Connection, business_id: UUID, amount: int, reference: str, actor: Actor
) -> Booked:
    posting = Posting("deposit", amount, WORLD, MAIN, reference=composed(reference), actor=actor)
    booked = await _book_once(connection, business_id, reference, posting)
    if not booked.already_booked:
        detail = {"amount": amount, "reference": posting.reference}
        await audit.record(connection, business_id, actor, "balance.deposit", detail)
    return booked


async def withdraw_funds(
    connection: Connection,
    business_id: UUID,
    amount: int,
    reference: str,
    *,
    reason: str,
    actor: Actor,
) -> Booked | WaitingAct:
    """Take money out of the main balance, back to where deposits come from, once for each
    reference: a mistyped deposit, or money that the business took back. Over the threshold it waits
    for a second person.

    References of deposits are others than these. Raises Conflict like `deposit`, and
    InsufficientBalance: what was moved to the payout balance is moved back first.
    """
    asked = {"amount": amount, "reference": reference, "reason": reason}
    waiting = await approvals.ask(
        connection, business_id, actor, "balance.withdraw_funds", amount, asked
    )
    if waiting is not None:
        return waiting
    return await _withdraw_funds(connection, business_id, amount, reference, reason, actor)


async def _withdraw_funds(
    connection: Connection,
    business_id: UUID,
    amount: int,
    reference: str,
    reason: str,
    actor: Actor,
) -> Booked:
    posting = Posting(
        "funds_withdrawal",
        amount,
        MAIN,
        WORLD,
        reference=composed(reference),
        reason=reason,
        actor=actor,
    )
    booked = await _book_once(connection, business_id, reference, posting)
    if not booked.already_booked:
        detail = {"amount": amount, "reference": posting.reference, "reason": reason}
        await audit.record(connection, business_id, actor, "balance.withdraw_funds", detail)
    return booked


async def _book_once(
    connection: Connection, business_id: UUID, reference: str, posting: Posting
) -> Booked:
    """Make this transfer unless its reference has made one of its kind before. `reference` is as
    the caller spells it."""
    await ledger.lock(connection, business_id, [MAIN, WORLD])
    earlier = await ledger.find_by_reference(
        connection, business_id, posting.kind, spellings(reference)
    )
    if earlier is None:
        return Booked(await _move(connection, business_id, posting), already_booked=False)
    if earlier.amount != posting.amount:
        what = "deposit" if posting.kind == "deposit" else "withdrawal of funds"
        raise Conflict(
            f"The reference {reference!r} was used before for a {what} of {earlier.amount} cents"
        )
    return Booked(earlier, already_booked=True)


async def fund(
    connection: Connection, business_id: UUID, amount: int, actor: Actor
) -> Transfer | WaitingAct:
    """Move cents from the main to the payout balance; over the threshold it waits for a second
    person. Raises InsufficientBalance."""
    waiting = await approvals.ask(
        connection, business_id, actor, "balance.fund", amount, {"amount": amount}
    )
    return waiting or await _fund(connection, business_id, amount, actor)


async def _fund(connection: Connection, business_id: UUID, amount: int, actor: Actor) -> Transfer:
    moved = await _move(connection, business_id, Posting("fund", amount, MAIN, PAYOUT, actor=actor))
    await audit.record(connection, business_id, actor, "balance.fund", {"amount": amount})
    return moved


async def defund(
    connection: Connection, business_id: UUID, amount: int, actor: Actor
) -> Transfer | WaitingAct:
    """Move cents back from the payout to the main balance; over the threshold it waits for a second
    person. Raises InsufficientBalance."""
    waiting = await approvals.ask(
        connection, business_id, actor, "balance.defund", amount, {"amount": amount}
    )
    return waiting or await _defund(connection, business_id, amount, actor)


async def _defund(connection: Connection, business_id: UUID, amount: int, actor: Actor) -> Transfer:
    moved = await _move(
        connection, business_id, Posting("defund", amount, PAYOUT, MAIN, actor=actor)
    )
    await audit.record(connection, business_id, actor, "balance.defund", {"amount": amount})
    return moved


async def _move(connection: Connection, business_id: UUID, posting: Posting) -> Transfer:
    try:
        return (await ledger.post(connection, business_id, [posting]))[0]
    except InsufficientFunds as error:
        raise InsufficientBalance(held=error.held, asked=error.asked) from error


async def set_rules(
    connection: Connection, business_id: UUID, changes: Mapping[str, object], actor: Actor
) -> WaitingAct | None:
    """Change a business's switches, rules, limits or lifetimes. Under the payout account's lock: no
    allocation commits under the old ones afterwards. Where there is a threshold for a second
    person, another one, and another rule of GUARDED, waits for a second person
    itself, which is answered; everything else is changed at once."""
    before = await businesses.get(connection, business_id)
    now = {name: getattr(before, name) for name in changes}
    # What is the same is left out: what another person changes meanwhile stays.
    guarded = {name: value for name, value in changes.items() if name in GUARDED}
    asked = {name: value for name, value in guarded.items() if value != now[name]}
    changes = {name: value for name, value in changes.items() if name not in GUARDED}
    waiting = None
    if asked:
        waiting = await approvals.ask(connection, business_id, actor, "business.set", None, asked)
    if waiting is None:
        changes |= asked
    if changes:
        await _set_rules(connection, business_id, changes, actor)
    return waiting


async def _set_rules(
    connection: Connection, business_id: UUID, changes: Mapping[str, object], actor: Actor
) -> None:
    await ledger.lock(connection, business_id, [PAYOUT])
    await businesses.set_rules(connection, business_id, changes, actor)


class BookedMeanwhile(Conflict):
    message = "This reference was booked already. Cancel this; nothing was moved."


async def do_approved(connection: Connection, waiting: WaitingAct, actor: Actor) -> bool:
    """Do an act of the business's own money or rules that a second person has just approved; False
    where it is another room's. Raises what the act does, and BookedMeanwhile."""
    business_id, asked = waiting.business_id, waiting.parameters
    match waiting.act:
        case "balance.deposit":
            _require_new(
                await _deposit(connection, business_id, asked["amount"], asked["reference"], actor)
            )
        case "balance.fund":
            await _fund(connection, business_id, asked["amount"], actor)
        case "balance.defund":
            await _defund(connection, business_id, asked["amount"], actor)
        case "balance.withdraw_funds":
            _require_new(
                await _withdraw_funds(
                    connection,
                    business_id,
                    asked["amount"],
                    asked["reference"],
                    asked["reason"],
                    actor,
                )
            )
        case "business.set":
            await _set_rules(connection, business_id, asked, actor)
        case _:
            return False
    return True


def _require_new(booked: Booked) -> None:
    if booked.already_booked:
        raise BookedMeanwhile


async def regenerate_key(
    connection: Connection, business_id: UUID, kind: Kind, actor: Actor
) -> str:
    """A new key of this kind, shown this once; the old one stops with the commit."""
    business = await businesses.get(connection, business_id)
    await ledger.lock(connection, business_id, [PAYOUT])
    mode: Mode = "test" if business.test else "live"
    key = await keys.create(connection, business_id, mode, kind)
    await audit.record(
        connection, business_id, actor, "key.regenerate", {"kind": kind}, after={"hint": key[-4:]}
    )
    return key


async def revoke_keys(connection: Connection, business_id: UUID, actor: Actor) -> int:
    """Stop the business's API keys, with the commit and without new ones; answers how many."""
    await ledger.lock(connection, business_id, [PAYOUT])
    count = await keys.revoke_all(connection, business_id)
    if count:
        await audit.record(connection, business_id, actor, "key.revoke", {"keys": count})
    return count
