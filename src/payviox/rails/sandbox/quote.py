"""What a payment by the sandbox costs, and where it may go. Pure; amounts are US cents."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from payviox.money import percentage
from payviox.rails.bank.iban import SEPA_COUNTRIES
from payviox.rails.evm import addresses
from payviox.rails.orders import BANK_DESTINATION, Invalid, Price, Quote, Request
from payviox.rails.sandbox.endings import PRODUCTS

QUOTE_LIFETIME = timedelta(minutes=10)
CRYPTO_FEE_BP = 100
"""The sandbox's crypto fee: 1 % of the amount, at least a cent."""

CHAINS = ("ERC20", "BEP20", "POLYGON")
CURRENCIES = ("USDT", "USDC")
OPTIONS = {"chains": {chain: list(CURRENCIES) for chain in CHAINS}}
"""What there is to choose from, as `Method.options` has it."""
SCHEMES = {"schemes": {"sepa": sorted(SEPA_COUNTRIES), "ach": ["US"]}}
"""The same of bank transfers."""


def quote(request: Request) -> Quote:
    """The sandbox's fees: crypto 1 %, all else nothing. Without a destination it quotes all the
    same, but for a gift card; with one, that must be valid. Raises Invalid."""
    if request.provider == "bank":
        named = "account" in request.destination
    else:
        named = bool(request.destination) or request.provider == "gift_card"
    destination = read_destination(request) if named else {}
    price = _price(request)
    check_price(price.amount, destination, "net_amount" if request.amount is None else "amount")
    return price.quote(destination, datetime.now(UTC) + QUOTE_LIFETIME)


def crypto_fee(amount: int) -> int:
    return max(percentage(amount, CRYPTO_FEE_BP), 1)


def gross_crypto(net_amount: int) -> int:
    """The least amount of which exactly so much is left after the fee, which grows by at most a
    cent with each cent: so there always is one."""
    amount = net_amount * 10_000 // (10_000 - CRYPTO_FEE_BP)
    while amount - crypto_fee(amount) > net_amount:
        amount -= 1
    while amount - crypto_fee(amount) < net_amount:
        amount += 1
    return amount


def _price(request: Request) -> Price:
    """What is asked for with its fees. Raises Invalid where nothing would be left."""
    crypto = request.provider == "crypto"
    if request.amount is not None:
        price = Price.of_amount(request.amount, crypto_fee(request.amount) if crypto else 0)
        if price.net_amount <= 0:
            raise Invalid({"amount": [f"The amount must be at least {price.fees + 1}."]})
        return price
    net_amount = request.net_amount or 0
    return Price.of_net(net_amount, gross_crypto(net_amount) - net_amount if crypto else 0)


def check_price(amount: int, destination: Mapping[str, Any], field: str) -> None:
    """A gift card is bought for its price, nothing else. Raises Invalid."""
    price = destination.get("face_value")
    if price is not None and amount != price:
        raise Invalid({field: [f"The {field} must be {price}, the gift card's price."]})


def read_destination(request: Request) -> dict[str, Any]:
    """The destination as it is kept. Raises Invalid."""
    destination = request.destination
    match request.provider:
        case "paypal":
            return {"email": destination["email"]}
        case "crypto":
            return _crypto(destination)
        case "gift_card":
            return _gift_card(destination)
        case "bank":
            return {name: destination[name] for name in BANK_DESTINATION}


def _gift_card(destination: Mapping[str, Any]) -> dict[str, Any]:
    product_id = destination.get("product")
    if product_id is None:
        raise Invalid({"gift_card.product": ["The gift_card.product field is required."]})
    product = PRODUCTS.get(str(product_id))
    if product is None:
        raise Invalid({"gift_card.product": ["The gift_card.product is not in the catalogue."]})
    return {"product": product.id, "name": product.name, **product.facts}


def _crypto(destination: Mapping[str, Any]) -> dict[str, Any]:
    problems: dict[str, list[str]] = {}
    for field, offered in (("currency", CURRENCIES), ("chain", CHAINS)):
        if destination.get(field) not in offered:
            name = f"crypto.{field}"
            problems[name] = [f"The {name} must be one of: {', '.join(offered)}."]
    address = str(destination.get("to_address"))
    problem = addresses.problem(address)
    if problem is not None:
        problems["crypto.to_address"] = [f"The crypto.to_address {problem}."]
    if problems:
        raise Invalid(problems)
    return {
        "currency": destination["currency"],
        "chain": destination["chain"],
        "to_address": addresses.checksummed(address),
    }
