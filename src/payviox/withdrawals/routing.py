"""Which rail serves a request, within which limits. The routes are data that the wiring gives;
concrete rails are not imported here. Amounts are US cents."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args
from uuid import UUID

from payviox.businesses.model import Business
from payviox.errors import FieldErrors
from payviox.event_log import EventLogger
from payviox.rails.orders import Provider
from payviox.rails.protocol import (
    Account,
    Accounts,
    CallsBack,
    Connected,
    GiftCard,
    KeepsDestinations,
    Method,
    Rail,
    RailError,
    SellsGiftCards,
)

logger = EventLogger(__name__)

PROVIDERS: tuple[Provider, ...] = get_args(Provider)


def anything(_: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Route:
    """A rail for a provider. `serves` says whether a destination is one of the rail's own; of
    several routes the first that says so is taken. One that is `connected` counts only for a
    business with an account at its rail, and where that account serves the destination; its options
    are the rail's to say, those of others stand here. A disabled account still keeps its
    destinations from the routes behind it: what was meant for a vendor never goes elsewhere
    unnoticed."""

    provider: Provider
    rail: Rail
    serves: Callable[[Mapping[str, Any]], bool] = anything
    connected: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False
    """Whether an account serves every destination, so that no route behind it is ever reached."""
    most_net: int | None = None
    """What one payee can get at most at an account that sets no `max_amount`."""


@dataclass(frozen=True, slots=True)
class Served:
    """The rail for a request, and what one order there may amount to: the business's limits, those
    of its account at the rail, and more than the account's fees."""

    rail: Rail
    min_amount: int
    max_amount: int

    def check(self, amount: int) -> None:
        """Raises FieldErrors on `amount` outside the limits."""
        check_limits(amount, self.min_amount, self.max_amount)


@dataclass(frozen=True, slots=True)
class _Open:
    """A route that counts for a business, with the account by which it does."""

    route: Route
    account: Account | None
    min_amount: int
    max_amount: int

    @property
    def enabled(self) -> bool:
        return self.account is None or self.account.enabled

    @property
    def usable(self) -> bool:
        """Enabled, with limits that leave something between them."""
        return self.enabled and self.min_amount <= self.max_amount

    @property
    def options(self) -> Mapping[str, Any]:
        rail: object = self.route.rail
        if self.account is None or not isinstance(rail, Connected):
            return self.route.options
        return rail.options(self.account)


class Rails:
    """The rails of an installation: those of test businesses and those of live ones. `accounts`
    is where connected rails' accounts are found; without it there are none. `keepers` keep the
    destinations of the providers whose orders hold only a part of them."""

    def __init__(
        self,
        *,
        live: Iterable[Route],
        test: Iterable[Route],
        accounts: Accounts | None = None,
        keepers: Mapping[Provider, KeepsDestinations] | None = None,
    ) -> None:
        self._keepers = {} if keepers is None else keepers
        self._routes = {"live": tuple(live), "test": tuple(test)}
        self._accounts = accounts
        self._by_name: dict[str, Rail] = {
            route.rail.name: route.rail for routes in self._routes.values() for route in routes
        }

    async def serve(
        self, business: Business, provider: Provider, destination: Mapping[str, Any]
    ) -> Served:
        """The rail for this request, with its limits. Raises FieldErrors on `provider` where the
        business has none or does not offer it, or its account there is disabled."""
        check_offered(business, provider)
        for opened in await self._open(business, provider, destination):
            if opened.enabled:
                return Served(opened.route.rail, opened.min_amount, opened.max_amount)
            if destination:
                break
        raise _unavailable(provider)

    async def keep(
        self, business: Business, user_id: UUID, provider: Provider, destination: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """What orders hold of a destination that a payout user names. Raises Invalid, and
        FieldErrors where the business does not offer the provider."""
        keeper = self._keepers.get(provider)
        if keeper is None or not destination:
            return destination
        await self.serve(business, provider, {})
        return await keeper.keep(business.id, user_id, destination)

    async def serving(
        self, business: Business, provider: Provider, destination: Mapping[str, Any]
    ) -> Rail:
        """The rail alone. Raises FieldErrors as `serve` does."""
        return (await self.serve(business, provider, destination)).rail

    def named(self, name: str) -> Rail:
        """The rail that an order went to. Raises LookupError where it is no longer configured."""
        return self._by_name[name]

    def find(self, name: str) -> Rail | None:
        """The same, None where it is no longer configured."""
        return self._by_name.get(name)

    def connected(self, name: str) -> Connected:
        """The rail of this name, at which businesses have accounts. Raises LookupError where there
        is none."""
        rail: object = self._by_name[name]
        if not isinstance(rail, Connected):
            raise LookupError(name)  # noqa: TRY004  # to the caller it is a name without such a rail
        return rail

    @property
    def names(self) -> tuple[str, ...]:
        """Every rail there is."""
        return tuple(self._by_name)

    async def methods(self, business: Business) -> list[Method]:
        """Every provider as this business's payout users may use it: the limits and options of all
        its rails together, save those that are never reached."""
        return [await self._method(business, provider) for provider in PROVIDERS]

    async def _method(self, business: Business, provider: Provider) -> Method:
        if not business.withdrawals_enabled or provider in business.methods_off:
            return Method(provider, False, business.min_withdrawal, business.max_withdrawal)
        usable: list[_Open] = []
        options: dict[str, dict[str, Any]] = {}
        taken: set[tuple[str, str]] = set()
        for opened in await self._open(business, provider, {}):
            offered = [(kind, name) for kind, names in opened.options.items() for name in names]
            left = [choice for choice in offered if choice not in taken]
            taken.update(left)
            if not opened.usable or (offered and not left):
                continue
            usable.append(opened)
            for kind, name in left:
                options.setdefault(kind, {})[name] = opened.options[kind][name]
        if not usable:
            return Method(provider, False, business.min_withdrawal, business.max_withdrawal)
        return Method(
            provider,
            True,
            min(opened.min_amount for opened in usable),
            max(opened.max_amount for opened in usable),
            options,
        )

    async def gift_cards(self, business: Business) -> list[GiftCard]:
        """What this business's rails sell beside the stock. A rail that cannot say so now is left
        out: the others' cards can still be bought."""
        cards: list[GiftCard] = []
        for opened in await self._open(business, "gift_card", {}):
            rail: object = opened.route.rail
            if not opened.enabled or not isinstance(rail, SellsGiftCards):
                continue
            try:
                cards += await rail.catalogue(business.id)
            except RailError as error:
                logger.warning("no catalogue", rail=opened.route.rail.name, problem=str(error))
        return cards

    def revealing(self, name: str) -> SellsGiftCards | None:
        """The rail of this name if it reveals its gift cards itself; None: they are the stock's."""
        rail: object = self._by_name.get(name)
        return rail if isinstance(rail, SellsGiftCards) else None

    def calling_back(self, name: str) -> CallsBack | None:
        """The rail of this name if it calls back."""
        rail: object = self._by_name.get(name)
        return rail if isinstance(rail, CallsBack) else None

    async def account(self, business_id: UUID, name: str) -> Account | None:
        """The business's account at the rail of this name, enabled or not."""
        return None if self._accounts is None else await self._accounts.find(business_id, name)

    async def close(self) -> None:
        """Hang up wherever a rail holds connections."""
        for rail in self._by_name.values():
            closable: object = rail
            if isinstance(closable, Connected):
                await closable.close()

    async def _open(
        self, business: Business, provider: Provider, destination: Mapping[str, Any]
    ) -> list[_Open]:
        """The routes that count for this business and destination, in their order, those by a
        disabled account too. An empty destination asks for the provider, whatever is served
        there."""
        opened = []
        for route in self._routes[business.mode]:
            if route.provider != provider or (destination and not route.serves(destination)):
                continue
            account = None
            if route.connected:
                account = await self._account(business, route, destination)
                if account is None:
                    continue
            opened.append(_opened(business, route, account))
            if account is not None and route.whole:
                break
        return opened

    async def _account(
        self, business: Business, route: Route, destination: Mapping[str, Any]
    ) -> Account | None:
        """The business's account at the route's rail, enabled or not, where it serves the
        destination."""
        rail: object = route.rail
        if self._accounts is None or not isinstance(rail, Connected):
            return None
        account = await self._accounts.find_to_route(business.id, route.rail.name)
        if account is None:
            return None
        return account if rail.serves(account, route.provider, destination) else None


def check_offered(business: Business, provider: str) -> None:
    """Raises FieldErrors on `provider` where the business does not offer it."""
    if provider in business.methods_off:
        raise _unavailable(provider)


def _unavailable(provider: str) -> FieldErrors:
    return FieldErrors({"provider": [f"The provider {provider} is not available."]})


def check_limits(amount: int, least: int, most: int) -> None:
    """Raises FieldErrors on `amount` outside these."""
    if amount < least:
        message = f"The amount must be at least {least}."
    elif amount > most:
        message = f"The amount may not be greater than {most}."
    else:
        return
    raise FieldErrors({"amount": [message]})


def _opened(business: Business, route: Route, account: Account | None) -> _Open:
    least, most = business.min_withdrawal, business.max_withdrawal
    if account is not None:
        fees, cap = account.fees, route.most_net
        least = max(least, account.min_amount or 0, 1 + fees.of_net(1))
        if account.max_amount is not None:
            most = min(most, account.max_amount)
        elif cap is not None:
            most = min(most, cap + fees.of_net(cap))
    return _Open(route, account, least, most)
