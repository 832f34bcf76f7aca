"""A business's money day by day or week by week, from the ledger's daily flows: what was allocated,
paid out and taken back, and what was in transit and unclaimed at each period's end. Cents; days are
UTC."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import msgspec

from payviox.db.pool import Connection
from payviox.ledger import daily_flows
from payviox.ledger.daily_flows import FlowRow, OwnAccount


class Period(msgspec.Struct, frozen=True):
    """Some days. `before` is what was in transit and unclaimed at its beginning, `unclaimed` what
    payout users had at its end and had not asked for. `withdrawn` arrived, `fees` are what was kept
    of that; `taken_back` was revoked, given back or expired."""

    first: date
    last: date
    before: int
    allocated: int
    withdrawn: int
    fees: int
    taken_back: int
    in_transit: int
    unclaimed: int

    @property
    def corrections(self) -> int:
        """What rails or people put right afterwards: by it the period adds up."""
        left = self.before + self.allocated - self.withdrawn - self.fees - self.taken_back
        return self.in_transit + self.unclaimed - left


class Figures(msgspec.Struct, frozen=True):
    """Balances of now, and the periods, the oldest first. `summed_at` says up to when the periods
    are told; None where nothing moved yet."""

    payout_balance: int
    balance: int
    unclaimed: int
    in_transit: int
    in_transit_by_rail: dict[str, int]
    periods: list[Period]
    summed_at: datetime | None


async def figures(connection: Connection, business_id: UUID, *, periods: int, days: int) -> Figures:
    """The last so many periods of so many days, the last of them ending today."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=periods * days - 1)
    accounts = await daily_flows.own_accounts(connection, business_id)
    flows = await daily_flows.list_since(connection, business_id, first)
    held = {kind: sum(a.balance for a in accounts if a.kind == kind) for kind in _kinds(accounts)}
    by_rail = {a.rail: a.balance for a in accounts if a.kind == "in_transit"}
    summed = [account.summed_at for account in accounts if account.summed_at is not None]
    return Figures(
        payout_balance=held.get("payout", 0),
        balance=held.get("main", 0),
        # All accounts of a business come to nothing: payout users have what the others lack.
        unclaimed=-sum(held.values()),
        in_transit=held.get("in_transit", 0),
        in_transit_by_rail=by_rail,
        periods=_periods(accounts, flows, first, periods, days),
        summed_at=max(summed, default=None),
    )


def whole(periods: Sequence[Period]) -> Period:
    """These periods, which follow one another, as one."""
    first, last = periods[0], periods[-1]
    return Period(
        first=first.first,
        last=last.last,
        before=first.before,
        allocated=sum(each.allocated for each in periods),
        withdrawn=sum(each.withdrawn for each in periods),
        fees=sum(each.fees for each in periods),
        taken_back=sum(each.taken_back for each in periods),
        in_transit=last.in_transit,
        unclaimed=last.unclaimed,
    )


def _kinds(accounts: Sequence[OwnAccount]) -> set[str]:
    return {account.kind for account in accounts}


def _periods(
    accounts: Sequence[OwnAccount], flows: Sequence[FlowRow], first: date, periods: int, days: int
) -> list[Period]:
    """From the last period back: at its end the accounts held what they hold where the sums end,
    less what moved since."""
    kind_of = {account.id: account.kind for account in accounts}
    in_transit = sum(a.summed_balance for a in accounts if a.kind == "in_transit")
    others = sum(account.summed_balance for account in accounts)
    grouped: dict[int, list[FlowRow]] = {}
    for flow in flows:
        # What a host ahead of the database calls tomorrow is the last period's.
        grouped.setdefault(min((flow.day - first).days // days, periods - 1), []).append(flow)
    made = []
    for number in reversed(range(periods)):
        allocated = withdrawn = fees = taken_back = moved = moved_in_transit = 0
        for flow in grouped.get(number, ()):
            kind = kind_of[flow.account_id]
            moved += flow.came - flow.went
            if kind == "in_transit":
                moved_in_transit += flow.came - flow.went
            elif kind == "payout" and flow.kind == "allocation":
                allocated += flow.went
            elif kind == "payout" and flow.kind in ("revocation", "expiry"):
                taken_back += flow.came
            elif kind == "fee_income" and flow.kind in ("fee", "fee_return"):
                fees += flow.came - flow.went
            elif kind == "settled":
                withdrawn += flow.came - flow.went
        start = first + timedelta(days=number * days)
        end = start + timedelta(days=days - 1)
        before = (in_transit - moved_in_transit) - (others - moved)
        out = (withdrawn, fees, taken_back)
        made.append(Period(start, end, before, allocated, *out, in_transit, -others))
        in_transit -= moved_in_transit
        others -= moved
    return made[::-1]
