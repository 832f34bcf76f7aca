"""What a gift card costs: its face value, which is what the buyer receives, and the fee of the
account's policy on top. Amounts are US cents."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from payviox.money import CURRENCY
from payviox.rails.fees import FeePolicy
from payviox.rails.orders import Invalid, Price, Quote, Request
from payviox.rails.protocol import Account
from payviox.rails.tremendous import catalogue as products
from payviox.rails.tremendous.catalogue import Band, Catalogue, Product

QUOTE_LIFETIME = timedelta(minutes=15)

FIELD = "gift_card.product"


async def quote(catalogue: Catalogue, account: Account, request: Request) -> Quote:
    """The face value and the fee on top. Raises Invalid, and RailError as the catalogue does."""
    product, bands = await _offered(catalogue, account, request)
    offer = price(request, bands, account.fees)
    destination = _destination(request, product, offer.net_amount)
    return offer.quote(destination, datetime.now(UTC) + QUOTE_LIFETIME)


async def destination(
    catalogue: Catalogue, account: Account, request: Request, face_value: int
) -> dict[str, Any]:
    """Where an order of this face value goes. Raises Invalid where the card is not sold any more,
    and RailError."""
    product, bands = await _offered(catalogue, account, request)
    check(face_value, request, bands, account.fees)
    return _destination(request, product, face_value)


def price(request: Request, bands: Sequence[Band], fees: FeePolicy) -> Price:
    """What is asked for with its fee, so that what is left is a face value among these. Raises
    Invalid on `amount` or `net_amount`, whichever was given."""
    if request.net_amount is not None:
        offer = Price.of_net(request.net_amount, fees.of_net(request.net_amount))
    else:
        amount = request.amount or 0
        offer = Price.of_amount(amount, fees.of_amount(amount))
    check(offer.net_amount, request, bands, fees)
    return offer


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


async def _offered(
    catalogue: Catalogue, account: Account, request: Request
) -> tuple[Product, tuple[Band, ...]]:
    """The product that the request names and its bands. Raises Invalid and RailError."""
    product_id = request.destination.get("product")
    if not product_id:
        raise Invalid({FIELD: [f"The {FIELD} field is required."]})
    named = products.parse_id(product_id)
    product = None if named is None else await catalogue.find(account, named[0])
    bands = () if product is None or named is None else products.bands_of(product, named[1])
    if product is None or not bands:
        raise Invalid({FIELD: [f"The {FIELD} is not in the catalogue."]})
    return product, bands


def _destination(request: Request, product: Product, face_value: int) -> dict[str, Any]:
    return {
        "product": request.destination["product"],
        "brand": product.name,
        "country": product.country,
        "currency": CURRENCY,
        "face_value": face_value,
    }
