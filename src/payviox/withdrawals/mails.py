"""What payout users are told of their orders by mail: which states, and what each mail says."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from payviox import ids
from payviox.businesses import service as businesses
from payviox.db.pool import Connection
from payviox.keyring import Keyring
from payviox.languages.catalogues import Language
from payviox.mails import outbox
from payviox.mails.model import Mail, Message, NewMail, Prepare
from payviox.money import CURRENCY
from payviox.order_states import GIVES_BACK, OPEN, Status
from payviox.payout_users import service as payout_users
from payviox.recipient_mails.contents import framed
from payviox.withdrawals import whereabouts
from payviox.withdrawals.model import UNCLAIMED, Order
from payviox.withdrawals.queries import orders

SOON = timedelta(minutes=1)
"""What an order has passed by then is not worth a mail of its own."""

MESSAGE_OF: Mapping[Status, Message] = {
    "created": "withdrawal_confirmed",
    "sent": "withdrawal_on_its_way",
    "succeeded": "withdrawal_delivered",
    "failed": "withdrawal_failed",
    "rejected": "withdrawal_rejected",
    "canceled": "withdrawal_canceled",
    "returned": "withdrawal_returned",
}
PASSING: frozenset[Message] = frozenset({"withdrawal_confirmed", "withdrawal_on_its_way"})
"""Overtaken by what comes next."""

OWN_ACTS: Sequence[Message] = ("withdrawal_confirmed", "withdrawal_canceled")
"""What payout users do themselves, at no cost and as often as they like."""
MOST_AN_HOUR = 10
"""Mails of their own acts that somebody gets; the page says it all."""


async def write(
    connection: Connection, entered: Sequence[tuple[Order, Status, str | None]]
) -> None:
    """Tell the payout users of one business's orders which state each is in now, and the note of
    that, where the business wants them to be told. One mail for each order and message."""
    mails = [_mail(*entry) for entry in entered if entry[1] in MESSAGE_OF]
    if mails and await businesses.notifies(connection, entered[0][0].business_id):
        await outbox.put_all(connection, entered[0][0].business_id, mails)


def prepares(keyring: Keyring, site: str) -> Mapping[Message, Prepare]:
    """For each message of an order what completes it. `site` is the installation's address."""
    prepare = partial(_prepare, keyring, site)
    return dict.fromkeys([*MESSAGE_OF.values(), "withdrawal_unclaimed"], prepare)


def _mail(order: Order, status: Status, note: str | None) -> NewMail:
    message = MESSAGE_OF[status]
    if status == "sent" and note == UNCLAIMED:
        message = "withdrawal_unclaimed"
    wait = SOON if message in PASSING else timedelta(0)
    shown = ids.show(ids.ORDER, order.id)
    return NewMail(shown, order.email, message, {"order": shown}, wait)


async def _prepare(
    keyring: Keyring, site: str, connection: Connection, mail: Mail
) -> Mapping[str, Any] | None:
    """Nobody is told what is out of date."""
    order_id = ids.parse(ids.ORDER, mail.facts["order"])
    if mail.business_id is None or order_id is None:
        raise ValueError(f"mail {mail.id} is about no order")
    order = await orders.find(connection, mail.business_id, order_id)
    if order is None or _is_out_of_date(mail.message, order):
        return None
    if await _is_one_too_many(connection, order, mail.message):
        return None
    user = await payout_users.get(connection, order.business_id, order.payout_user_id)
    frame = await framed(keyring, site, connection, order.business_id, user)
    if frame is None:
        return None
    language = frame["language"]
    return {**frame, **_facts(order, language), "balance": language.money(user.balance)}


async def _is_one_too_many(connection: Connection, order: Order, message: Message) -> bool:
    """Whoever withdraws and cancels without end fills no mailbox."""
    if message not in OWN_ACTS:
        return False
    sent = await outbox.count_sent(connection, order.business_id, order.email, OWN_ACTS)
    return sent >= MOST_AN_HOUR


def _is_out_of_date(message: Message, order: Order) -> bool:
    match message:
        case "withdrawal_confirmed":
            return order.status not in OPEN
        case "withdrawal_on_its_way":
            return order.status != "sent" or order.waiting is not None
        case "withdrawal_unclaimed":
            return (order.status, order.waiting) != ("sent", UNCLAIMED)
        case "withdrawal_delivered":
            return order.status != "succeeded"
        case _:
            return False


def _facts(order: Order, language: Language) -> dict[str, Any]:
    where = whereabouts.of_order(order)
    words = where.recipient.said(language)
    way = language.gettext(whereabouts.method(order.provider, order.destination))
    pays = order.destination.get("pays") or {}
    currency = pays.get("currency", CURRENCY)
    in_another = currency != CURRENCY
    return {
        "amount": language.money(order.amount),
        "fees": language.money(order.fees) if order.fees else "",
        "net_amount": language.money(order.net_amount),
        "arrives": language.money(pays["amount"] if in_another else order.net_amount, currency),
        "rate": language.rate(currency, pays["rate"], pays.get("spread_bp", 0))
        if in_another
        else "",
        "place": language.gettext("%(way)s, %(place)s", way=way, place=where.to),
        "reference": where.reference,
        "state": words.state,
        "reason": words.reason or "",
        "next": words.next,
        "by": words.by or "",
        "is_back": order.status in (*GIVES_BACK, "returned"),
        "in_review": order.status == "review",
        "is_gift_card": order.provider == "gift_card",
    }
