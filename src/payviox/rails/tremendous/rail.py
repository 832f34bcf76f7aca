"""Tremendous as a rail: gift cards and prepaid cards bought one by one, each delivered as a link.
Which account an order needs, and what becomes of it where there is none, is here."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from payviox.rails.http import Http
from payviox.rails.orders import Invalid, Provider, Quote, ReadyOrder, Request
from payviox.rails.protocol import (
    Account,
    Accounts,
    Callback,
    Entry,
    Finding,
    GiftCard,
    Holding,
    Known,
    Outcome,
    RailError,
    RevealedCode,
)
from payviox.rails.tremendous import (
    callbacks,
    catalogue,
    check,
    lookup,
    reveal,
    statement,
    submit,
)
from payviox.rails.tremendous import float as holdings
from payviox.rails.tremendous import quote as quoting
from payviox.rails.tremendous.catalogue import Catalogue, Products
from payviox.rails.tremendous.client import Client

NOT_CONNECTED = "No account at Tremendous is connected."
"""For the operator."""


class TremendousRail:
    """Implements Rail, Connected, CallsBack, NamesOwner, KeepsCatalogue and SellsGiftCards of
    payviox.rails.protocol."""

    name = "tremendous"
    remembers_s: float | None = None  # an external_id answers with its first order for good
    lists_all = True

    # Its orders are found by external_id through a filtered list. Nothing says that an order is in
    # that list as soon as it is made, so that it is not there proves nothing; sending the same
    # external_id again does no harm.
    authoritative = False

    def __init__(self, accounts: Accounts, products: Products) -> None:
        self._accounts = accounts
        self._client = Client(Http())
        self._catalogue = Catalogue(products, partial(catalogue.fetch, self._client))

    async def close(self) -> None:
        await self._client.close()

    # What it offers -------------------------------------------------------------------------

    def serves(self, account: Account, provider: Provider, destination: Mapping[str, Any]) -> bool:  # noqa: ARG002  # every account serves all of them
        product = destination.get("product")
        ours = product is None or str(product).startswith(catalogue.PREFIX)
        return provider == "gift_card" and ours

    def options(self, account: Account) -> Mapping[str, Any]:  # noqa: ARG002  # the catalogue says it
        return {}

    async def catalogue(self, business_id: UUID) -> Sequence[GiftCard]:
        """Nothing without an account. Raises RailError while nothing has ever been fetched."""
        account = await self._accounts.find(business_id, self.name)
        if account is None:
            return []
        products = sorted(await self._catalogue.list(account), key=lambda p: (p.name, p.id))
        return [card for product in products for card in catalogue.cards(product, account.fees)]

    async def refresh(self, business_id: UUID) -> int:
        """Fetch the catalogue anew; answers how many products can be offered. Raises RailError."""
        return await self._catalogue.refresh(await self._account(business_id))

    async def quote(self, request: Request) -> Quote:
        """The face value and the fee on top. Raises Invalid, and RailError as `catalogue` does."""
        account = await self._enabled(request)
        return await quoting.quote(self._catalogue, account, request)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """Raises Invalid where the card is not sold any more, and RailError."""
        account = await self._enabled(request)
        return ReadyOrder(
            business_id=request.business_id,
            order_id=order_id,
            provider=request.provider,
            rail=self.name,
            amount=quote.amount,
            fees=quote.fees,
            net_amount=quote.net_amount,
            destination=await quoting.destination(
                self._catalogue, account, request, quote.net_amount
            ),
            recipient_email=email,
        )

    async def _enabled(self, request: Request) -> Account:
        account = await self._accounts.find(request.business_id, self.name)
        if account is None or not account.enabled:
            raise Invalid({"provider": ["The provider gift_card is not available."]})
        return account

    # Orders ---------------------------------------------------------------------------------

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:
        account = await self._accounts.find(order.business_id, self.name)
        if account is None:
            return Outcome("not_sent", waiting="rail_not_connected")
        return await submit.submit(self._client, account, order, reference)

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        account = await self._accounts.find(order.business_id, self.name)
        if account is None:
            return Outcome("unknown", evidence={"error": "no account is connected"})
        return await lookup.look_up(self._client, account, order, reference)

    async def reveal(self, order: ReadyOrder) -> RevealedCode:
        """A fresh link to the card. Raises RailError."""
        account = await self._account(order.business_id)
        return await reveal.reveal(self._client, account, order)

    # What it tells --------------------------------------------------------------------------

    async def parse_callback(
        self, account: Account, headers: Mapping[str, str], body: bytes
    ) -> Callback:
        """An event about a reward is about its order, which is asked for."""
        return await callbacks.read(self._client, account, headers, body)

    async def read_float(self, business_id: UUID) -> list[Holding]:
        return await holdings.read(self._client, await self._account(business_id))

    async def statement(
        self,
        business_id: UUID,
        since: datetime,
        known: AsyncIterator[Sequence[Known]],  # noqa: ARG002  # Tremendous lists all by itself
    ) -> AsyncIterator[Sequence[Entry]]:
        account = await self._account(business_id)
        async for page in statement.read(self._client, account, since):
            yield page

    async def check(self, account: Account) -> list[Finding]:
        return await check.check(self._client, account)

    async def owner(self, account: Account) -> str:
        """The organization. Orders of one are unknown to all others."""
        return await check.organization(self._client, account)

    async def _account(self, business_id: UUID) -> Account:
        account = await self._accounts.find(business_id, self.name)
        if account is None:
            raise RailError(NOT_CONNECTED)
        return account
