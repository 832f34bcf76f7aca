"""PayPal Payouts as a rail: which account an order needs, and what becomes of it where there is
none. How a payment is made, looked up and taken back is in submit.py and lookup.py."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from payviox.event_log import EventLogger
from payviox.rails.http import Http
from payviox.rails.orders import Invalid, Provider, Quote, ReadyOrder, Request
from payviox.rails.paypal import check, lookup, statement, status, submit
from payviox.rails.paypal import float as holdings
from payviox.rails.paypal import quote as quoting
from payviox.rails.paypal.callbacks import Verifier
from payviox.rails.paypal.client import Client
from payviox.rails.protocol import (
    Account,
    Accounts,
    Callback,
    Entry,
    Finding,
    Holding,
    Known,
    Outcome,
    RailError,
)

logger = EventLogger(__name__)

REMEMBERS_S = 29 * 86_400.0
"""PayPal refuses a sender_batch_id for 30 days. It counts from when it got the first call, by its
own clock, and does not say to what hour: we stop a day earlier."""


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
        """Quote by the account's fee policy; also without a destination. Raises Invalid."""
        account = await self._enabled(request)
        return quoting.quote(request, account)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """Raises Invalid."""
        await self._enabled(request)
        return ReadyOrder(
            request.business_id,
            order_id,
            request.provider,
            self.name,
            quote.amount,
            quote.fees,
            quote.net_amount,
            {"email": quoting.receiver(request.destination)},
            email,
        )

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        """Send it as one batch under this reference, once; not sent without an account."""
        try:
            account = await self._accounts.find(order.business_id, self.name)
        except Exception as error:  # noqa: BLE001  # whatever it was, PayPal has not been called
            logger.warning("rail account not readable", error=type(error).__name__)
            return submit.not_sent("rail_not_connected", type(error).__name__)
        if account is None:
            return submit.not_sent("rail_not_connected", "no PayPal account is connected")
        return await submit.submit(self._client, account, order, reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        """`not_found` while PayPal has told no batch id: only sending the same reference again
        finds out."""
        if order.rail_order_id is None:
            return Outcome("not_found")
        account = await self._accounts.find(order.business_id, self.name)
        if account is None:
            return status.unknown("no PayPal account is connected", order.rail_order_id)
        return await lookup.look_up(self._client, account, order, reference, order.rail_order_id)

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
        return await holdings.read(self._client, await self._connected(business_id))

    async def statement(
        self,
        business_id: UUID,
        since: datetime,  # noqa: ARG002  # the known attempts are since then
        known: AsyncIterator[Sequence[Known]],
    ) -> AsyncIterator[Sequence[Entry]]:
        """Look up the known attempts alone: PayPal does not list its payouts. Raises RailError."""
        account = await self._connected(business_id)
        async for page in statement.read(self._client, account, known):
            yield page

    async def check(self, account: Account) -> list[Finding]:
        return await check.check(self._client, account)

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
            raise RailError("No PayPal account is connected.")
        return account
