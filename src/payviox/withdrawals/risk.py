"""What somebody should know before they approve an order: facts with what they are compared with.
Reading only; amounts are US cents."""

from dataclasses import dataclass
from typing import Any

import msgspec

from payviox.db.pool import Connection
from payviox.withdrawals.model import Order, payee_digest
from payviox.withdrawals.queries import risk as queries
from payviox.withdrawals.queries.risk import SHOWN, OtherOrder, Sharer

__all__ = ["MUCH_MORE", "OtherOrder", "Risk", "Sharer", "of_order"]

MUCH_MORE = 3
"""So many times a person's usual amount is worth a warning."""


@dataclass(frozen=True, slots=True)
class Risk:
    """Facts beside an order. `paid_here`: how often this person was paid at just this destination;
    None where the order names no payee (gift cards). `sharers`: others who named the same payee, at
    most `SHOWN`, and `more_sharers` where there are others still. `usual_amount`: the median of
    their last `earlier` orders. Of the last 24 hours, this order among them: `day_orders` and
    `day_amount` of this person; `payee_day_amount` of everybody at this payee."""

    paid_here: int | None
    sharers: list[Sharer]
    more_sharers: bool
    last_destination: dict[str, Any] | None
    usual_amount: int | None
    earlier: int
    day_orders: int
    day_amount: int
    payee_day_amount: int
    others: list[OtherOrder]

    def is_much_more(self, amount: int) -> bool:
        return self.usual_amount is not None and amount >= MUCH_MORE * self.usual_amount


async def of_order(connection: Connection, order: Order) -> Risk:
    """What is known beside an order, in one statement that is bounded."""
    row = await queries.risk(connection, order)
    has_payee = payee_digest(order.provider, order.destination) is not None
    sharers = msgspec.convert(row.sharers, list[Sharer])
    return Risk(
        paid_here=row.paid_here if has_payee else None,
        sharers=sharers[:SHOWN],
        more_sharers=len(sharers) > SHOWN,
        last_destination=row.last_destination if has_payee else None,
        usual_amount=row.usual_amount,
        earlier=row.earlier,
        day_orders=row.day_orders,
        day_amount=row.day_amount,
        payee_day_amount=row.payee_day_amount + order.amount,
        others=msgspec.convert(row.others, list[OtherOrder]),
    )
