"""The bodies of a payout user's quote and withdrawal, and every field error of them at once."""

from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import inspect

from payviox import ids
from payviox.errors import FieldErrors
from payviox.money import MAX_ALLOCATION
from payviox.rails.orders import Provider, Request
from payviox.web.json_body import EMAIL, problems

Amount = Annotated[int, msgspec.Meta(ge=1, le=MAX_ALLOCATION, description="US cents")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class PaypalDestination(msgspec.Struct):
    """The PayPal account to pay."""

    email: Annotated[str, EMAIL]


class CryptoDestination(msgspec.Struct):
    """The address to pay, and in what."""

    currency: Annotated[Text, msgspec.Meta(description="`USDT` or `USDC`")]
    chain: Annotated[Text, msgspec.Meta(description="`ERC20`, `BEP20` or `POLYGON`")]
    to_address: Text


class GiftCardDestination(msgspec.Struct):
    """The gift card to buy."""

    product: Annotated[Text, msgspec.Meta(description="An id of the catalogue")]


class BankAddress(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Where an account's holder lives, for countries whose banks ask for it."""

    country: Annotated[Text, msgspec.Meta(description="Two letters (ISO 3166)")]
    city: Text
    street: Text | None = None
    postal_code: Text | None = None


class BankSketch(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A bank account, or as much of it as is known: `name` and `iban` by SEPA; by ACH `name`,
    `routing_number`, `account_number`, `account_type` and `holder`."""

    scheme: (
        Annotated[
            Literal["sepa", "ach"], msgspec.Meta(description="May be left out beside the account")
        ]
        | None
    ) = None
    name: Annotated[Text, msgspec.Meta(description="The account holder's")] | None = None
    iban: Text | None = None
    address: BankAddress | None = None
    routing_number: Text | None = None
    account_number: Text | None = None
    account_type: Literal["checking", "savings"] | None = None
    holder: Literal["person", "company"] | None = None


class BankDestination(BankSketch, kw_only=True, omit_defaults=True):
    """The bank account to pay: `name` and `iban` by SEPA; by ACH `name`, `routing_number`,
    `account_number`, `account_type` and `holder`. Its number is encrypted and never shown again."""

    name: Annotated[Text, msgspec.Meta(description="The account holder's")]


class CryptoSketch(msgspec.Struct):
    """A crypto destination, or as much of it as is known."""

    currency: Text | None = None
    chain: Text | None = None
    to_address: Text | None = None


class QuoteRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What to quote: the `amount` to spend or the `net_amount` to receive. Where it goes may be
    left out, but for a gift card."""

    provider: Provider
    amount: Amount | None = None
    net_amount: Amount | None = None
    paypal: PaypalDestination | None = None
    crypto: CryptoSketch | None = None
    gift_card: GiftCardDestination | None = None
    bank: BankSketch | None = None


class WithdrawRequest(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What to withdraw, and the provider's own object. With a `quote_id` its amount may be left
    out."""

    provider: Provider
    amount: Amount | None = None
    net_amount: Amount | None = None
    paypal: PaypalDestination | None = None
    crypto: CryptoDestination | None = None
    gift_card: GiftCardDestination | None = None
    bank: BankDestination | None = None
    quote_id: Text | None = None


B = TypeVar("B", QuoteRequest, WithdrawRequest)


def read_quote(business_id: UUID, body: dict[str, Any]) -> Request:
    """Raises FieldErrors."""
    return _request(business_id, _read(body, QuoteRequest))


def read_withdrawal(business_id: UUID, body: dict[str, Any]) -> Request:
    """Raises FieldErrors."""
    return _request(business_id, _read(body, WithdrawRequest))


def read_quote_id(body: dict[str, Any]) -> UUID | None:
    """The quote that prices a withdrawal whose body was read, if one does. Raises FieldErrors."""
    text = body.get("quote_id")
    if text is None:
        return None
    quote_id = ids.parse(ids.QUOTE, text)
    if quote_id is None:
        raise FieldErrors({"quote_id": ["There is no such quote."]})
    return quote_id


def _request(business_id: UUID, wanted: QuoteRequest | WithdrawRequest) -> Request:
    return Request(
        business_id, wanted.provider, _destination(wanted), wanted.amount, wanted.net_amount
    )


def _read(value: dict[str, Any], kind: type[B]) -> B:
    whole = issubclass(kind, WithdrawRequest)
    field_errors: dict[str, list[str]] = {}
    provider = value.get("provider")
    for name, message in problems(inspect.type_info(kind), value, ""):
        # Another provider's object does not matter.
        if name.partition(".")[0] in ("provider", provider, "amount", "net_amount", "quote_id"):
            field_errors.setdefault(name, [message])
    amounts = [name for name in ("amount", "net_amount") if value.get(name) is not None]
    if not amounts and (not whole or value.get("quote_id") is None):
        field_errors.setdefault("amount", ["The amount field is required."])
    if len(amounts) == 2:
        field_errors.setdefault("net_amount", ["Give either the amount or the net_amount."])
    named = whole or provider == "gift_card"
    if (
        named
        and isinstance(provider, str)
        and "provider" not in field_errors
        and value.get(str(provider)) is None
    ):
        field_errors.setdefault(str(provider), [f"The {provider} field is required."])
    if field_errors:
        raise FieldErrors(field_errors)
    names = {"amount", "net_amount", "quote_id", "provider", provider}
    return msgspec.convert({k: v for k, v in value.items() if k in names}, kind)


def _destination(request: QuoteRequest | WithdrawRequest) -> dict[str, Any]:
    """The provider's object; nothing where a part of it is missing, which only a quote may."""
    if request.provider == "bank":
        return _bank(request)
    chosen = getattr(request, request.provider)
    facts: dict[str, Any] = {} if chosen is None else msgspec.structs.asdict(chosen)
    return {} if None in facts.values() else facts


def _bank(request: QuoteRequest | WithdrawRequest) -> dict[str, Any]:
    """The account; nothing where a quote's names none yet."""
    account = request.bank
    if account is None:
        return {}
    is_whole = account.name and (account.iban or account.account_number)
    if isinstance(request, QuoteRequest) and not is_whole:
        return {}
    facts: dict[str, Any] = msgspec.to_builtins(account)
    return facts
