"""Which rail serves a request. The routes are data that the wiring gives; concrete rails are not
imported here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from payviox.businesses.model import Business
from payviox.errors import FieldErrors
from payviox.rails.base import GiftCard, Method, Provider, Rail, SellsGiftCards

PROVIDERS: tuple[Provider, ...] = get_args(Provider)


def anything(_: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Route:
    """A rail for a provider. `serves` says whether a destination is one of the rail's own; of
    several routes the first that says so is taken."""

    provider: Provider
    rail: Rail
    serves: Callable[[Mapping[str, Any]], bool] = anything


class Rails:
    """The rails of an installation: those of test businesses and those of live ones."""

    def __init__(self, *, live: Iterable[Route], test: Iterable[Route]) -> None:
        self._routes = {"live": tuple(live), "test": tuple(test)}
        self._by_name: dict[str, Rail] = {
            route.rail.name: route.rail for routes in self._routes.values() for route in routes
        }

    def serving(
        self, business: Business, provider: Provider, destination: Mapping[str, Any]
    ) -> Rail:
        """The rail for this request. Raises FieldErrors on `provider` where the business has
        none."""
        for route in self._routes[business.mode]:
            if route.provider == provider and route.serves(destination):
                return route.rail
        raise FieldErrors({"provider": [f"The provider {provider} is not available."]})

    def named(self, name: str) -> Rail:
        """The rail that an order went to. Raises LookupError where it is no longer configured."""
        return self._by_name[name]

    def methods(self, business: Business) -> list[Method]:
        """Every provider as this business's payout users may use it."""
        offered = {route.provider for route in self._routes[business.mode]}
        return [
            Method(provider, provider in offered, business.min_withdrawal, business.max_withdrawal)
            for provider in PROVIDERS
        ]

    def gift_cards(self, business: Business) -> list[GiftCard]:
        """What this business's rails sell beside the stock."""
        return [
            card
            for route in self._routes[business.mode]
            if route.provider == "gift_card" and isinstance(route.rail, SellsGiftCards)
            for card in route.rail.catalogue()
        ]

    def revealing(self, name: str) -> SellsGiftCards | None:
        """The rail of this name if it reveals its gift cards itself; None: they are the stock's."""
        rail: object = self._by_name.get(name)
        return rail if isinstance(rail, SellsGiftCards) else None
