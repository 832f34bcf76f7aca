"""What a business's own server receives, for the OpenAPI document: the body of a webhook, and
examples of each type, rendered by the very code that sends them."""

from collections.abc import Mapping
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from payviox.api.docs.declarations import Shown
from payviox.rails.orders import Provider
from payviox.webhooks import events
from payviox.webhooks.events import EventType, OrderEvent

Cents = Annotated[int, msgspec.Meta(ge=0, description="US cents")]


class EventUser(msgspec.Struct):
    """Whose payout it is."""

    payout_user_id: str


class EventRecipient(msgspec.Struct):
    """Where they can be reached."""

    email: str


class PaypalEvent(msgspec.Struct):
    """A payout to PayPal. `order_id` is PayPal's own once there is one."""

    order_id: str
    email: str | UnsetType = UNSET


class CryptoEvent(msgspec.Struct):
    """A payout on a chain; what is not known yet is left out. `network_fee` in the chain's coin."""

    order_id: str
    currency: str | UnsetType = UNSET
    chain: str | UnsetType = UNSET
    crypto_amount: float | UnsetType = UNSET
    usd_amount: float | UnsetType = UNSET
    to_address: str | UnsetType = UNSET
    tx_hash: str | UnsetType = UNSET
    confirmations: int | UnsetType = UNSET
    network_fee: float | UnsetType = UNSET


class GiftCardEvent(msgspec.Struct):
    """A gift card, never its code. `face_value` in hundredths of its currency."""

    order_id: str
    brand: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    face_value: int | UnsetType = UNSET


class BankEvent(msgspec.Struct):
    """A bank transfer, never the whole account number. `end_to_end_id` names it to the bank and on
    statements, `file` the bank file that it is in; both once it is in one."""

    order_id: str
    scheme: str | UnsetType = UNSET
    country: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    masked: str | UnsetType = UNSET
    end_to_end_id: str | UnsetType = UNSET
    file: str | UnsetType = UNSET


class PayoutEvent(msgspec.Struct):
    """A webhook's body: exactly one of the providers' objects, and no nulls."""

    amount: Cents
    currency: Literal["USD"]
    metadata: EventUser
    type: EventType
    provider: Provider
    order_id: str
    recipient: EventRecipient
    fees: Annotated[Cents, msgspec.Meta(description="Left out if 0")] | UnsetType = UNSET
    net_amount: (
        Annotated[Cents, msgspec.Meta(description="Left out if it is the amount")] | UnsetType
    ) = UNSET
    paypal: PaypalEvent | UnsetType = UNSET
    crypto: CryptoEvent | UnsetType = UNSET
    gift_card: GiftCardEvent | UnsetType = UNSET
    bank: BankEvent | UnsetType = UNSET
    reason: (
        Annotated[str, msgspec.Meta(description="On payout.rejected, if one was given")] | UnsetType
    ) = UNSET
    test_mode: Annotated[bool, msgspec.Meta(description="Only on a test webhook")] | UnsetType = (
        UNSET
    )


MEANINGS: dict[EventType, str] = {
    "payout.created": "A payout was ordered and its money is reserved",
    "payout.processing": "A payout is being sent",
    "payout.succeeded": "A payout is confirmed and delivered",
    "payout.failed": "A payout failed; the money is back with the payout user",
    "payout.rejected": "An operator rejected a payout; the money is back with the payout user",
    "payout.canceled": "A payout was canceled; the money is back with the payout user",
    "payout.returned": "A payout came back after it had succeeded",
}
DESCRIPTION = (
    "Answer 200 within 30 seconds, or it is sent again 30 seconds, 5 minutes and 30 minutes later. "
    "`Signature` is the HMAC-SHA256, in hex, of the exact body under the webhook's token; "
    "`webhook-id`, `webhook-timestamp` and `webhook-signature` follow Standard Webhooks. "
    "Deduplicate on `order_id` and `type`."
)

_ORDER = UUID("0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e71")
_USER = UUID("0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e70")
_REASON = "The address belongs to somebody else"
_CRYPTO: dict[str, object] = {
    "currency": "USDT",
    "chain": "ERC20",
    "to_address": "0x52908400098527886E0F7030069857D2E4169EE7",
    "crypto_amount": "49.5",
    "tx_hash": "0x" + "ab" * 32,
    "confirmations": 12,
    "network_fee": "0.002",
}
_GIFT_CARD: dict[str, object] = {
    "brand": "Acme",
    "country": "US",
    "currency": "USD",
    "face_value": 5_000,
}
_BANK: dict[str, object] = {
    "scheme": "sepa",
    "country": "DE",
    "name": "Ada Lovelace",
    "masked": "DE89 •••• 3000",
    "end_to_end_id": "PVX0192F0C17F4E7C3A9D58",
    "file": "bfl_0192f0c1-7f4e-7c3a-9d58-2b8f4a6c1e74",
}


def examples(event_type: EventType) -> list[Shown]:
    """A body of this type for each provider."""
    return [
        Shown(
            PayoutEvent, msgspec.Raw(_body(event_type, provider, rail_order_id, details).encode())
        )
        for provider, rail_order_id, details in (
            ("paypal", "PP-7B3F29", {"email": "ada@example.com"}),
            ("crypto", None, _CRYPTO),
            ("gift_card", None, _GIFT_CARD),
            ("bank", None, _BANK),
        )
    ]


def _body(
    event_type: EventType, provider: str, rail_order_id: str | None, details: Mapping[str, object]
) -> str:
    return events.body(
        OrderEvent(
            business_id=UUID(int=0),
            type=event_type,
            order_id=_ORDER,
            rail_order_id=rail_order_id,
            provider=provider,
            payout_user_id=_USER,
            email="ada@example.com",
            amount=5_000,
            fees=50,
            net_amount=4_950,
            destination={},
            details=details,
            reason=_REASON if event_type == "payout.rejected" else None,
        )
    )
