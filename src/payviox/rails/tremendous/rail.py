"""Tremendous as a rail: gift cards and prepaid cards bought one by one, each delivered as a link.
The link is money: it is asked for when its owner wants to see it, and it is kept nowhere."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from payviox import ids
from payviox.money import CURRENCY
from payviox.rails.http import Http, NotSent, Unclear
from payviox.rails.protocol import (
    Account,
    Accounts,
    Callback,
    Entry,
    Finding,
    GiftCard,
    Holding,
    Invalid,
    Known,
    Named,
    Outcome,
    Provider,
    Quote,
    RailError,
    ReadyOrder,
    Request,
    RevealedCode,
)
from payviox.rails.tremendous import (
    account_books,
    callbacks,
    catalogue,
    orders,
    status,
)
from payviox.rails.tremendous import (
    quote as pricing,
)
from payviox.rails.tremendous.catalogue import Band, Catalogue, Product, Products
from payviox.rails.tremendous.client import Client, Crowded, NoKey, path, told

QUOTE_LIFETIME = timedelta(minutes=15)
NOT_CONNECTED = "No account at Tremendous is connected: see `payviox rail connect`."
"""For the operator."""

FIELD = "gift_card.product"

CROWDED_LOOK_S = 60.0
"""After how long, in seconds, a look-up is tried again for which there was no turn: many at once
leave turns to new orders."""


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
        self._catalogue = Catalogue(products, self._fetch_products)

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

    async def _fetch_products(self, account: Account) -> list[Product]:
        return await account_books.fetch_products(self._client, account)

    async def quote(self, request: Request) -> Quote:
        """The face value and the fee on top. Raises Invalid, and RailError as `catalogue` does."""
        account, product, bands = await self._offered(request)
        amount, fee = pricing.price(request, bands, account.fees)
        destination = _destination(request, product, amount - fee)
        expires_at = datetime.now(UTC) + QUOTE_LIFETIME
        return Quote(amount, fee, amount - fee, destination, expires_at)

    async def validate(
        self, order_id: UUID, quote: Quote, request: Request, email: str
    ) -> ReadyOrder:
        """Raises Invalid where the card is not sold any more, and RailError."""
        account, product, bands = await self._offered(request)
        pricing.check(quote.net_amount, request, bands, account.fees)
        return ReadyOrder(
            business_id=request.business_id,
            order_id=order_id,
            provider=request.provider,
            amount=quote.amount,
            fees=quote.fees,
            net_amount=quote.net_amount,
            destination=_destination(request, product, quote.net_amount),
            recipient_email=email,
        )

    async def _offered(self, request: Request) -> tuple[Account, Product, tuple[Band, ...]]:
        account = await self._accounts.find(request.business_id, self.name)
        if account is None or not account.enabled:
            raise Invalid({"provider": ["The provider gift_card is not available."]})
        given = request.destination.get("product")
        if not given:
            raise Invalid({FIELD: [f"The {FIELD} field is required."]})
        named = catalogue.parse_id(given)
        product = None if named is None else await self._catalogue.find(account, named[0])
        bands = () if product is None or named is None else catalogue.bands_of(product, named[1])
        if product is None or not bands:
            raise Invalid({FIELD: [f"The {FIELD} is not in the catalogue."]})
        return account, product, bands

    # Orders ---------------------------------------------------------------------------------

    async def submit(self, order: ReadyOrder, reference: str) -> Outcome:  # noqa: PLR0911  # one for each way to end
        account = await self._accounts.find(order.business_id, self.name)
        if account is None:
            return Outcome("not_sent", waiting="rail_not_connected")
        body = orders.body(account, order, reference)
        if body is None:
            return Outcome("not_sent", waiting="rail_misconfigured")
        if not reference.endswith(".1") and await self._is_empty(account, order.net_amount):
            # Another one would only fail as the one before it did.
            return Outcome("not_sent", waiting="float_empty")
        try:
            reply = await self._client.post(account, "/orders", body)
        except NoKey:
            return Outcome("not_sent", waiting="rail_not_connected")
        except Crowded as error:
            return Outcome("not_sent", waiting="rate_limited", again_s=error.again_s)
        except NotSent as error:
            return Outcome("not_sent", waiting="rail_unreachable", evidence={"error": str(error)})
        except Unclear as error:
            return Outcome("unknown", evidence={"error": str(error)})
        if reply.status in (200, 201):
            answer = orders.read(reply, orders.expected(order, reference))
            return await self._for_lack_of_funds(account, order, answer)
        answer = status.refusal(reply.status, reply.body, reply.retry_after_s)
        if answer.state == "failed":
            return await self._confirmed(account, order, reference, answer)
        return answer

    async def _confirmed(
        self, account: Account, order: ReadyOrder, reference: str, refused: Outcome
    ) -> Outcome:
        """A refusal is the end only where no earlier call under this reference made an order."""
        found = await self._find(account, order, reference)
        return refused if found.state == "not_found" else found

    async def look_up(self, order: ReadyOrder, reference: str) -> Outcome:
        account = await self._accounts.find(order.business_id, self.name)
        if account is None:
            return Outcome("unknown", evidence={"error": "no account is connected"})
        return await self._find(account, order, reference)

    async def _find(self, account: Account, order: ReadyOrder, reference: str) -> Outcome:
        expected = orders.expected(order, reference)
        rail_order_id = order.rail_order_id
        try:
            if rail_order_id is not None:
                reply = await self._client.get(account, path("orders", rail_order_id))
            else:
                by = {"external_id": reference}
                reply = await self._client.get(account, "/orders", by)
        except NoKey:
            return Outcome("unknown", evidence={"error": "the account has no API key"})
        except Crowded as error:
            again_s = max(error.again_s, CROWDED_LOOK_S)
            return Outcome("unknown", again_s=again_s, evidence={"error": str(error)})
        except (NotSent, Unclear) as error:
            return Outcome("unknown", evidence={"error": str(error)})
        if reply.status != 200:
            return orders.unanswered(reply)
        answer = orders.read(reply, expected) if rail_order_id else orders.pick(reply, expected)
        return await self._for_lack_of_funds(account, order, answer)

    async def _for_lack_of_funds(
        self, account: Account, order: ReadyOrder, answer: Outcome
    ) -> Outcome:
        """An order that failed, as Tremendous has it, because the account is empty is no fault of
        its owner: another one is made when there is money again."""
        if answer.state != "failed" or answer.evidence.get("status") != "FAILED":
            return answer
        try:
            holdings = await account_books.holdings(self._client, account)
        except RailError as error:
            evidence = answer.evidence | {"error": str(error)}
            return replace(answer, state="unknown", reason=None, again_s=None, evidence=evidence)
        price = answer.evidence.get("total", order.net_amount)
        if not _is_less(holdings, price):
            return answer
        return replace(answer, retryable=True, waiting="float_empty", again_s=None)

    async def _is_empty(self, account: Account, price: int) -> bool:
        """Whether the account surely holds less."""
        try:
            return _is_less(await account_books.holdings(self._client, account), price)
        except RailError:
            return False

    async def reveal(self, order: ReadyOrder) -> RevealedCode:
        """A fresh link to the card. Raises RailError."""
        account = await self._account(order.business_id)
        if order.rail_order_id is None:
            raise RailError("The order has no id at Tremendous.")
        body = await self._client.ask(account, path("orders", order.rail_order_id))
        found = body.get("order")
        if not isinstance(found, Mapping):
            raise RailError("Tremendous answered a request for an order with something else.")
        reward = status.reward_id(found)
        if reward is None or not _is_of(order, found):
            raise RailError("Tremendous has another order under this order's id.")
        if found.get("status") != "EXECUTED":
            raise RailError("The order is not delivered at Tremendous any more.")
        making = self._client.post(account, path("rewards", reward, "generate_link"), {})
        reply = await told(making)
        link = orders.link(reply)
        if link is None:
            raise RailError(f"Tremendous made no link (HTTP {reply.status}).")
        return RevealedCode(link=link)

    # What it tells --------------------------------------------------------------------------

    async def parse_callback(
        self, account: Account, headers: Mapping[str, str], body: bytes
    ) -> Callback:
        """An event about a reward is about its order, which is asked for."""
        event = callbacks.read_event(account, headers, body)
        order_id = event.order_id
        if order_id is None and event.reward_id is not None:
            at = path("rewards", event.reward_id)
            answer = await self._client.ask(account, at, missing=True)
            order_id = callbacks.word(answer.get("reward"), "order_id")
        return Callback(event.id, () if order_id is None else (Named(rail_order_id=order_id),))

    async def read_float(self, business_id: UUID) -> list[Holding]:
        return await account_books.holdings(self._client, await self._account(business_id))

    async def statement(
        self,
        business_id: UUID,
        since: datetime,
        known: AsyncIterator[Sequence[Known]],  # noqa: ARG002  # Tremendous lists all by itself
    ) -> AsyncIterator[Sequence[Entry]]:
        account = await self._account(business_id)
        async for page in account_books.orders(self._client, account, since):
            yield page

    async def check(self, account: Account) -> list[Finding]:
        return await account_books.check(self._client, account)

    async def owner(self, account: Account) -> str:
        """The organization. Orders of one are unknown to all others."""
        return await account_books.organization(self._client, account)

    async def _account(self, business_id: UUID) -> Account:
        account = await self._accounts.find(business_id, self.name)
        if account is None:
            raise RailError(NOT_CONNECTED)
        return account


def _destination(request: Request, product: Product, face_value: int) -> dict[str, Any]:
    return {
        "product": request.destination["product"],
        "brand": product.name,
        "country": product.country,
        "currency": CURRENCY,
        "face_value": face_value,
    }


def _is_less(holdings: Sequence[Holding], price: int) -> bool:
    return any(held.cents is not None and held.cents < price for held in holdings)


def _is_of(order: ReadyOrder, found: Mapping[str, Any]) -> bool:
    """Whether it was made under a reference of this order."""
    return str(found.get("external_id")).startswith(f"{ids.show(ids.ORDER, order.order_id)}.")
