"""The card beside *Approve*: facts that somebody weighs, each with its comparison."""

import msgspec

from payviox import ids
from payviox.dashboard.orders.recipients import place
from payviox.money import dollars
from payviox.withdrawals.model import Order
from payviox.withdrawals.risk import OtherOrder, Risk


class RiskFact(msgspec.Struct, frozen=True):
    """One fact; `warns` where somebody should look twice. `links` are pages to look at."""

    label: str
    text: str
    warns: bool = False
    links: tuple[tuple[str, str], ...] = ()


class RiskCard(msgspec.Struct, frozen=True):
    """`others` are the payout user's other orders, each with its address."""

    facts: list[RiskFact]
    others: list[tuple[str, OtherOrder]]


def risk_card(base: str, order: Order, risk: Risk) -> RiskCard:
    facts = [*_destination(base, risk), _amount(order, risk), _day(order, risk)]
    others = [(f"{base}/orders/{ids.show(ids.ORDER, each.id)}", each) for each in risk.others]
    return RiskCard(facts, others)


def _destination(base: str, risk: Risk) -> list[RiskFact]:
    if risk.paid_here is None:
        return [RiskFact("Destination", "A gift card, which is theirs alone to reveal")]
    times = "once" if risk.paid_here == 1 else f"{risk.paid_here:,} times"
    facts = [
        RiskFact("Destination", f"Paid there {times} before")
        if risk.paid_here
        else RiskFact("Destination", "They were never paid there before", warns=True)
    ]
    if risk.last_destination is not None:
        before = place(risk.last_destination)
        facts.append(RiskFact("Changed", f"Their last order of this kind went to {before}", True))
    number = len(risk.sharers)
    if number:
        people = "1 other person" if number == 1 else f"{number} other people"
        more = "More than " if risk.more_sharers else ""
        links = tuple(
            (each.email, f"{base}/orders/{ids.show(ids.ORDER, each.order_id)}")
            for each in risk.sharers
        )
        facts.append(RiskFact("Shared", f"{more}{people} named the same payee", True, links))
        total = dollars(risk.payee_day_amount)
        facts.append(RiskFact("This payee in 24 hours", f"{total} of everybody, this order too"))
    else:
        facts.append(RiskFact("Shared", "Nobody else named this payee"))
    return facts


def _amount(order: Order, risk: Risk) -> RiskFact:
    if risk.usual_amount is None:
        return RiskFact("Amount", "Their first order: there is nothing to compare with", warns=True)
    usual = dollars(risk.usual_amount)
    of = f"median of their last {risk.earlier} orders" if risk.earlier > 1 else "their only other"
    times = order.amount / risk.usual_amount
    if risk.is_much_more(order.amount):
        return RiskFact("Amount", f"{times:,.1f} times their usual {usual} ({of})", warns=True)
    return RiskFact("Amount", f"Their usual is {usual} ({of})")


def _day(order: Order, risk: Risk) -> RiskFact:
    if risk.day_orders <= 1 and risk.day_amount <= order.amount:
        return RiskFact("Last 24 hours", "No other order of theirs")
    total = dollars(risk.day_amount)
    return RiskFact("Last 24 hours", f"{risk.day_orders:,} orders of theirs, {total} in all")
