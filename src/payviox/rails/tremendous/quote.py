"""What a gift card costs: its face value, which is what the buyer receives, and the fee of the
account's policy on top. Pure. Amounts are US cents."""

from collections.abc import Sequence

from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Invalid, Request
from payviox.rails.tremendous.catalogue import Band


def price(request: Request, bands: Sequence[Band], fees: FeePolicy) -> tuple[int, int]:
    """Gross amount and fee, so that what is left is a face value among these. Raises Invalid on
    `amount` or `net_amount`, whichever was given."""
    if request.net_amount is not None:
        face_value = request.net_amount
        fee = fees.of_net(face_value)
    else:
        amount = request.amount or 0
        fee = fees.of_amount(amount)
        face_value = amount - fee
    check(face_value, request, bands, fees)
    return face_value + fee, fee


def check(face_value: int, request: Request, bands: Sequence[Band], fees: FeePolicy) -> None:
    """Raises Invalid where no card has this face value; the message says which there are."""
    if any(face_value in band for band in bands):
        return
    field = "amount" if request.net_amount is None else "net_amount"
    offers = [_offer(band, field, fees) for band in bands]
    raise Invalid({field: [f"The {field} must be {' or '.join(offers)} for this gift card."]})


def _offer(band: Band, field: str, fees: FeePolicy) -> str:
    ends = sorted({band.least, band.most})
    if field == "amount":
        ends = [end + fees.of_net(end) for end in ends]
    return str(ends[0]) if len(ends) == 1 else f"between {ends[0]} and {ends[1]}"
