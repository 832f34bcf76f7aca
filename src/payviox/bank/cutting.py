"""Cutting a file: what waits for one is claimed into it, written and kept in one transaction, so
that of two workers or people each payment is in one file alone."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec

from payviox import ids
from payviox.actors import Actor
from payviox.audit import service as audit
from payviox.bank import accounts, heard, holds
from payviox.bank.model import BankFile, Payment, Scheme
from payviox.bank.naming import Named
from payviox.bank.queries import files as queries
from payviox.bank.queries import imports as imports_queries
from payviox.bank.queries import payments as payments_queries
from payviox.db.pool import Connection, Database
from payviox.errors import Conflict
from payviox.event_log import EventLogger
from payviox.keyring import Keyring
from payviox.rails.bank import calendars, terms, writing
from payviox.rails.bank import instructions as rules
from payviox.rails.bank.model import Instruction, Payer, Unwritable
from payviox.rails.bank.terms import Terms
from payviox.rails.protocol import Account
from payviox.rates import conversion
from payviox.rates import service as rates
from payviox.withdrawals.sending import callbacks

logger = EventLogger(__name__)

MOST = 5_000
"""Payments of one file; what is more goes into the next."""
MODIFIERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


Paid = tuple[Payment, Instruction]


class Cut(msgspec.Struct, frozen=True):
    """What was cut: the file, None where nothing could be; how many payments wait for money in the
    account; and which payments no file can hold, by their end-to-end ids."""

    file: BankFile | None
    without_money: int = 0
    unwritable: tuple[str, ...] = ()


async def cut(
    database: Database, keyring: Keyring, account: Account, scheme: Scheme, actor: Actor
) -> Cut:
    """Put what waits for a file of this scheme into one, the oldest first, as far as the money in
    the account goes. Raises Forbidden, HeldFiles, and Conflict where the account does
    not pay by the scheme."""
    return await database.write(_cut, keyring, account, scheme, actor)


async def _cut(
    connection: Connection, keyring: Keyring, account: Account, scheme: Scheme, actor: Actor
) -> Cut:
    terms_now = terms.read(account.settings)
    payer = terms_now.payers.get(scheme)
    if payer is None:
        raise Conflict(f"The bank account does not pay by {scheme.upper()}.")
    business_id = account.business_id
    await holds.require_none(connection, business_id)
    await imports_queries.lock(connection, business_id)
    waiting = await payments_queries.lock_waiting(connection, business_id, scheme, MOST)
    waiting = await heard.heed(connection, waiting)
    paid = await _with_money(connection, terms_now, waiting)
    opened = await accounts.open_all(
        connection, keyring, business_id, sorted({payment.account_id for payment in paid})
    )
    now = await queries.now(connection)
    execution_date = calendars.execution_date(scheme, now, terms_now.cut_off)
    wanted = [(payment, _instruction(payment, opened)) for payment in paid]
    good, bad = await asyncio.to_thread(_sorted_out, payer, execution_date, wanted)
    if bad:
        logger.error("bank payments cannot be written", count=len(bad), first=bad[0])
    without_money = len(waiting) - len(paid)
    if not good:
        return Cut(None, without_money, bad)
    file, content = await _write(
        connection, terms_now, payer, scheme, execution_date, now, good, business_id, actor
    )
    sealed = keyring.encrypt(content, file.place)
    await queries.insert(connection, file, sealed, keyring.current.id)
    await _put_in(connection, terms_now, file, [payment for payment, _ in good])
    await audit.record(connection, business_id, actor, "bank_file.cut", about(file))
    orders = sorted({payment.order_id for payment, _ in good})
    await callbacks.look_soon(connection, business_id, orders)
    kept = await queries.find(connection, business_id, file.id)
    return Cut(kept, without_money, bad)


async def _put_in(
    connection: Connection, terms_now: Terms, file: BankFile, payments: Sequence[Payment]
) -> None:
    """With what each is worth by today's rate: that of its quote may be of days ago."""
    rate = None
    if file.currency != "USD":
        rate = await rates.find_newest(connection, terms_now.rate_source, file.currency)
    worth = {
        payment.reference: None if rate is None else conversion.worth(payment.amount, rate)
        for payment in payments
    }
    await payments_queries.put_in_file(
        connection, file.business_id, file.id, worth, None if rate is None else rate.rate
    )


def about(file: BankFile) -> dict[str, object]:
    """What an audit entry says of a file."""
    return {
        "file": ids.show(ids.BANK_FILE, file.id),
        "name": file.name,
        "payments": file.payments,
        "total": file.total,
        "currency": file.currency,
        "amount": file.cents,
        "sha256": file.digest,
    }


async def _with_money(
    connection: Connection, terms_now: Terms, waiting: Sequence[Payment]
) -> Sequence[Payment]:
    """The payments that the account has money for, the oldest first: by the last statement, less
    what is on its way. All of them where no statement has said, or nobody wants it checked."""
    if not waiting or not terms_now.check_float:
        return waiting
    business_id, currency = waiting[0].business_id, waiting[0].currency
    left = {
        each.currency: each.amount
        for each in await imports_queries.left_of_statements(connection, business_id)
    }
    if currency not in left:
        return waiting
    rest, paid = left[currency], []
    for payment in waiting:
        if payment.amount > rest:
            break
        rest -= payment.amount
        paid.append(payment)
    return paid


def _instruction(payment: Payment, opened: Mapping[UUID, Named]) -> Instruction:
    """To the name that the order was reviewed with."""
    named = opened[payment.account_id]
    return Instruction(
        id=payment.end_to_end_id,
        end_to_end_id=payment.end_to_end_id,
        amount=payment.amount,
        currency=payment.currency,
        name=payment.name,
        account=named.account,
        address=named.address,
    )


def _sorted_out(
    payer: Payer, execution_date: date, wanted: Sequence[Paid]
) -> tuple[list[Paid], tuple[str, ...]]:
    """What a file can hold, and the end-to-end ids of what none can: each was looked at when its
    account was named, but by an earlier version perhaps."""
    good, bad = [], []
    for payment, instruction in wanted:
        try:
            rules.check(payer, "A", execution_date, [instruction])
        except Unwritable:
            bad.append(payment.end_to_end_id)
        else:
            good.append((payment, instruction))
    return good, tuple(bad)


async def _write(
    connection: Connection,
    terms_now: Terms,
    payer: Payer,
    scheme: Scheme,
    execution_date: date,
    now: datetime,
    payments: Sequence[Paid],
    business_id: UUID,
    actor: Actor,
) -> tuple[BankFile, bytes]:
    file_id = ids.new()
    form = terms_now.formats[scheme]
    today = await queries.count_since(connection, business_id, scheme, now.date())
    written = await asyncio.to_thread(
        writing.write,
        form,
        payer,
        file_id.hex.upper(),
        execution_date,
        now,
        [instruction for _, instruction in payments],
        modifier=MODIFIERS[today % len(MODIFIERS)],
    )
    totals = written.totals
    name = f"payviox-{scheme}-{now:%Y%m%d}-{file_id.hex[-12:]}.{writing.EXTENSION[form]}"
    file = BankFile(
        business_id=business_id,
        id=file_id,
        scheme=scheme,
        format=form,
        message_id=file_id.hex.upper(),
        name=name,
        execution_date=execution_date,
        currency=totals.currency,
        payments=totals.count,
        total=totals.amount,
        cents=sum(payment.cents for payment, _ in payments),
        digest=hashlib.sha256(written.content).hexdigest(),
        status="draft",
        created_by=str(actor),
        created_at=now,
        approved_at=None,
        way=None,
        step=None,
        is_leased=False,
        problem=None,
        released_by=None,
        released_at=None,
        ended_at=None,
    )
    return file, written.content
