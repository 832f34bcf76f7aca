"""PayPal Payouts as a rail: one order is one batch with one item, both under the order's reference.
PayPal cannot be asked by our reference, but refuses it a second time and names the first batch."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.event_log import EventLogger
from payviox.money import decimal
from payviox.rails.http import Answer, Http, NotSent, Unclear
from payviox.rails.paypal import lookup, refusals, status
from payviox.rails.paypal.callbacks import Verifier
from payviox.rails.paypal.check import check, holdings
from payviox.rails.paypal.client import Client
from payviox.rails.paypal.payments import as_object, text
from payviox.rails.paypal.quote import price, receiver
from payviox.rails.paypal.rate_limit import RateLimited
from payviox.rails.paypal.refusals import Refusal
from payviox.rails.paypal.statement import statement
from payviox.rails.paypal.tokens import Refused, base_url
from payviox.rails.protocol import (
    Account,
    Accounts,
    Callback,
    Entry,
    Finding,
    Holding,
    Invalid,
    Known,
    Outcome,
    Provider,
    Quote,
    RailError,
    ReadyOrder,
    Request,
)
from payviox.rails.waiting import Waiting

logger = EventLogger(__name__)

QUOTE_LIFETIME = timedelta(minutes=10)

REMEMBERS_S = 29 * 86_400.0
"""PayPal refuses a sender_batch_id for 30 days. It counts from when it got the first call, by its
own clock, and does not say to what hour: we stop a day earlier."""

FIRST_LOOK_S = 2.0
"""Most payouts have ended so soon after PayPal has taken them."""

SUBJECT = "You have received a payout"
MESSAGE = "Your withdrawal has been sent to you by PayPal."


class PayPalRail:
    """Implements payviox.rails.protocol.Rail, Connected, TakesBack and CallsBack."""

    name = "paypal"
    remembers_s: float | None = REMEMBERS_S
    authoritative = False
    lists_all = False

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._http = Http()
        self._client = Client(self._http)
        self._verifier = Verifier(self._http)

    def serves(
        self,
        account: Account,  # noqa: ARG002  # the protocol's; any account of PayPal's pays any email
        provider: Provider,
        destination: Mapping[str, Any],  # noqa: ARG002
    ) -> bool:
        return provider == "paypal"

    def options(self, account: Account) -> Mapping[str, Any]:  # noqa: ARG002  # the protocol's
        return {}

    async def quote(self, request: Request) -> Quote:
        """By the account's fee policy; also without a destination. Raises Invalid."""
        account = await self._enabled(request)
        destination = {"email": receiver(request.destination)} if request.destination else {}
        amount, fees = price(request, account)
        expires_at = datetime.now(UTC) + QUOTE_LIFETIME
        return Quote(amount, fees, amount - fees, destination, expires_at)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """Raises Invalid."""
        await self._enabled(request)
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
            quote.amount,
            quote.fees,
            quote.net_amount,
            {"email": receiver(request.destination)},
            email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        try:
            account = await self._accounts.find(order.business_id, self.name)
        except Exception as error:  # noqa: BLE001  # whatever it was, PayPal has not been called
            logger.warning("rail account not readable", error=type(error).__name__)
            return _not_sent("rail_not_connected", type(error).__name__)
        if account is None:
            return _not_sent("rail_not_connected", "no PayPal account is connected")
        answer = await self._send(account, _batch(order, reference))
        if isinstance(answer, Outcome):
            return answer
        if 200 <= answer.status < 300:
            return _taken(answer)
        refusal = refusals.read(answer)
        if refusal.is_duplicate:
            return await self._first_batch(account, order, reference, refusal)
        return refusals.outcome(refusal)

    async def _send(self, account: Account, batch: Mapping[str, object]) -> Answer | Outcome:
        """PayPal's answer, or what it means that there is none."""
        try:
            return await self._client.create_batch(account, batch)
        except Refused as error:
            return _not_sent("credentials_refused", str(error))
        except RateLimited as error:
            return _not_sent("rate_limited", str(error), error.again_s)
        except NotSent as error:
            return _not_sent("rail_unreachable", str(error))
        except Unclear as error:
            return status.unknown(f"the call broke off: {error}")

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        """`not_found` while PayPal has told no batch id: only sending the same reference again
        finds out."""
        if order.rail_order_id is None:
            return Outcome("not_found")
        account = await self._accounts.find(order.business_id, self.name)
        if account is None:
            return status.unknown("no PayPal account is connected", order.rail_order_id)
        return await lookup.look(self._client, account, order, reference, order.rail_order_id)

    async def take_back(self, order: ReadyOrder, reference: str) -> Outcome:
        """Cancels the item while it is unclaimed. What PayPal has taken back already, whoever asked
        for it, is canceled too."""
        account = await self._accounts.find(order.business_id, self.name)
        if account is None or order.rail_order_id is None:
            return await self.look_up(order, reference)
        return await lookup.take_back(self._client, account, order, reference, order.rail_order_id)

    async def parse_callback(
        self, account: Account, headers: Mapping[str, str], body: bytes
    ) -> Callback:
        """Raises Forged, and RailError where PayPal's certificate cannot be fetched just now."""
        return await self._verifier.callback(account, headers, body)

    async def read_float(self, business_id: UUID) -> list[Holding]:
        """The available US dollars, as PayPal last counted them (it may be three hours ago)."""
        return await holdings(self._client, await self._connected(business_id))

    async def statement(
        self,
        business_id: UUID,
        since: datetime,  # noqa: ARG002  # the known attempts are since then
        known: AsyncIterator[Sequence[Known]],
    ) -> AsyncIterator[Sequence[Entry]]:
        """Of the known attempts alone: PayPal does not list its payouts. Raises RailError."""
        account = await self._connected(business_id)
        async for page in statement(self._client, account, known):
            yield page

    async def check(self, account: Account) -> list[Finding]:
        return await check(self._client, account)

    async def close(self) -> None:
        await self._client.close()
        await self._http.close()

    async def _enabled(self, request: Request) -> Account:
        account = await self._accounts.find(request.business_id, self.name)
        if account is None or not account.enabled or request.provider != "paypal":
            message = f"The provider {request.provider} is not available."
            raise Invalid({"provider": [message]})
        return account

    async def _connected(self, business_id: UUID) -> Account:
        account = await self._accounts.find(business_id, self.name)
        if account is None:
            raise RailError("No PayPal account is connected: `payviox rail connect paypal`.")
        return account

    async def _first_batch(
        self, account: Account, order: ReadyOrder, reference: str, refusal: Refusal
    ) -> Outcome:
        """What the batch has come to that this reference was refused for."""
        batch_id = refusals.first_batch(refusal, base_url(account))
        if batch_id is None:
            error = "PayPal has had this reference and does not say under which batch"
            return status.unknown(error, **refusal.evidence)
        return await lookup.look(self._client, account, order, reference, batch_id)


def _batch(order: ReadyOrder, reference: str) -> dict[str, object]:
    """The same for the same reference, whenever it is sent."""
    return {
        "sender_batch_header": {
            "sender_batch_id": reference,
            "email_subject": SUBJECT,
            "email_message": MESSAGE,
        },
        "items": [
            {
                "recipient_type": "EMAIL",
                "amount": {"value": decimal(order.net_amount), "currency": "USD"},
                "receiver": order.destination["email"],
                "sender_item_id": reference,
                "note": f"Withdrawal {ids.show(ids.ORDER, order.order_id)}",
            }
        ],
    }


def _taken(answer: Answer) -> Outcome:
    header = as_object(answer.json().get("batch_header"))
    batch_id = text(header.get("payout_batch_id"))
    if batch_id is None:
        return status.unknown(f"PayPal answered {answer.status} without a batch id")
    return Outcome(
        "accepted",
        rail_order_id=batch_id,
        again_s=FIRST_LOOK_S,
        evidence={"payout_batch_id": batch_id},
    )


def _not_sent(waiting: Waiting, error: str, again_s: float | None = None) -> Outcome:
    return Outcome("not_sent", waiting=waiting, again_s=again_s, evidence={"error": error})
