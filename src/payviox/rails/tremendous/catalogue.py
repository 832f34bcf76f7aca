"""What Tremendous sells: its products as gift cards of ours, kept in a cache that goes on serving
while Tremendous is away. Amounts are US cents; products without an exact price in US cents are not
offered."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from uuid import UUID

from payviox.money import CURRENCY
from payviox.rails.fees import FeePolicy
from payviox.rails.protocol import Account, GiftCard, RailError
from payviox.rails.tremendous.amounts import to_cents
from payviox.rails.tremendous.client import Client
from payviox.text import printable

RAIL = "tremendous"
PREFIX = "trm_"
OURS = re.compile(r"trm_([A-Z0-9]{4,20})(?:\.([0-9]{1,9}))?", re.ASCII)
THEIRS = re.compile(r"[A-Z0-9]{4,20}", re.ASCII)
"""Ids as Tremendous's specification describes them."""

CATEGORIES = ("merchant_card", "visa_card")
"""Gift cards and prepaid cards. Tremendous also pays out by bank, PayPal and the like, which here
are providers of their own."""

COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
HOME = "US"
IMAGES = ("card", "logo")
RETRY_S = 60.0
"""How long, in seconds, Tremendous is not asked again for a catalogue that is empty or failed."""


class Products(Protocol):
    """Where the catalogue is kept between two refreshes: JSON objects by the rail's own id."""

    async def list(self, business_id: UUID, rail: str) -> Sequence[Mapping[str, Any]]:
        """All of them, in the order of their ids."""
        ...

    async def find(
        self, business_id: UUID, rail: str, product_id: str
    ) -> Mapping[str, Any] | None: ...

    async def replace(
        self, business_id: UUID, rail: str, products: Mapping[str, Mapping[str, Any]]
    ) -> None:
        """These instead of what there was, all at once."""
        ...


@dataclass(frozen=True, slots=True)
class Band:
    """Face values that can be bought, both ends among them; a fixed one where they are the same."""

    least: int
    most: int

    def __contains__(self, face_value: int) -> bool:
        return self.least <= face_value <= self.most


@dataclass(frozen=True, slots=True)
class Product:
    """A product by Tremendous's id. Bands rise and do not overlap; there is at least one."""

    id: str
    name: str
    category: str
    countries: tuple[str, ...]
    image: str | None
    bands: tuple[Band, ...]

    @property
    def country(self) -> str:
        """The one that stands for all."""
        return HOME if HOME in self.countries else self.countries[0]


async def fetch(client: Client, account: Account) -> list[Product]:
    """What can be offered, as it is now. Raises RailError."""
    body = await client.ask(account, "/products", {"currency": CURRENCY})
    listed = body.get("products")
    if not isinstance(listed, list):
        raise RailError("Tremendous answered a request for its products with something else.")
    return read_products(listed)


def read_products(listed: Sequence[Any]) -> list[Product]:
    """Read which of Tremendous's products can be offered."""
    products: dict[str, Product] = {}
    for raw in listed:
        product = _read(raw) if isinstance(raw, Mapping) else None
        if product is not None:
            products.setdefault(product.id, product)
    return list(products.values())


def _read(raw: Mapping[str, Any]) -> Product | None:
    product_id, name = raw.get("id"), raw.get("name")
    if not isinstance(product_id, str) or not THEIRS.fullmatch(product_id):
        return None
    if raw.get("category") not in CATEGORIES or not isinstance(name, str):
        return None
    try:
        name = printable(name)
    except ValueError:
        return None
    countries = tuple(sorted(filter(COUNTRY.fullmatch, set(_texts(raw.get("countries"), "abbr")))))
    bands = _merged(_bands(raw.get("skus")))
    if CURRENCY not in _items(raw.get("currency_codes")) or not countries or not bands:
        return None
    image = _image(raw.get("images"))
    return Product(product_id, name, str(raw["category"]), countries, image, bands)


def _bands(skus: object) -> Iterator[Band]:
    for sku in _items(skus):
        if not isinstance(sku, Mapping) or sku.get("currency_code") != CURRENCY:
            continue
        least, most = to_cents(sku.get("min")), to_cents(sku.get("max"))
        if least is not None and most is not None and max(least, 1) <= most:
            yield Band(max(least, 1), most)


def _merged(bands: Iterator[Band]) -> tuple[Band, ...]:
    merged: list[Band] = []
    for band in sorted(bands, key=lambda band: (band.least, band.most)):
        if merged and band.least <= merged[-1].most:
            merged[-1] = Band(merged[-1].least, max(merged[-1].most, band.most))
        else:
            merged.append(band)
    return tuple(merged)


def _image(images: object) -> str | None:
    by_type = {
        image.get("type"): image["src"]
        for image in reversed(_items(images))
        if isinstance(image, Mapping) and str(image.get("src")).startswith("https://")
    }
    return next((by_type[kind] for kind in IMAGES if kind in by_type), None)


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object, name: str) -> Iterator[str]:
    for item in _items(value):
        text = item.get(name) if isinstance(item, Mapping) else None
        if isinstance(text, str):
            yield text


def to_row(product: Product) -> dict[str, Any]:
    """Write it as JSON, for the cache."""
    return asdict(product) | {"bands": [[band.least, band.most] for band in product.bands]}


def from_row(row: Mapping[str, Any]) -> Product:
    return Product(
        row["id"],
        row["name"],
        row["category"],
        tuple(row["countries"]),
        row["image"],
        tuple(Band(least, most) for least, most in row["bands"]),
    )


def cards(product: Product, fees: FeePolicy) -> Iterator[GiftCard]:
    """A gift card for each band: what can be bought under one id has one price, or a least and a
    most face value between which the buyer chooses."""
    for band in product.bands:
        suffix = "" if len(product.bands) == 1 else f".{band.least}"
        yield GiftCard(
            id=f"{PREFIX}{product.id}{suffix}",
            name=product.name,
            brand=product.name,
            country=product.country,
            currency=CURRENCY,
            face_value=band.least,
            price=band.least + fees.of_net(band.least),
            countries=product.countries,
            image=product.image,
            max_face_value=band.most if band.most > band.least else None,
        )


def parse_id(text: object) -> tuple[str, int | None] | None:
    """Tremendous's id and the band's least face value in an id of ours; without the latter it means
    every band. None where the text is no such id."""
    match = OURS.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    return match[1], None if match[2] is None else int(match[2])


def bands_of(product: Product, least: int | None) -> tuple[Band, ...]:
    """The bands that an id of ours means."""
    return tuple(band for band in product.bands if least in (None, band.least))


class Catalogue:
    """The cache. `fetch` asks Tremendous and raises RailError. For each business one fetch at a
    time is under way in a process."""

    def __init__(
        self, products: Products, fetch: Callable[[Account], Awaitable[list[Product]]]
    ) -> None:
        self._products = products
        self._fetch = fetch
        self._locks: dict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._seen: dict[UUID, float] = {}
        self._asked: dict[UUID, tuple[float, str | None]] = {}

    async def list(self, account: Account) -> list[Product]:
        """Everything, as old as it may be. An empty cache is filled first: raises RailError where
        that fails."""
        rows = await self._products.list(account.business_id, RAIL) or await self._fill(account)
        if rows:
            self._seen[account.business_id] = time.monotonic()
        return [from_row(row) for row in rows]

    async def find(self, account: Account, product_id: str) -> Product | None:
        """A product by Tremendous's id. Raises RailError as `list` does."""
        row = await self._products.find(account.business_id, RAIL, product_id)
        if row is not None:
            return from_row(row)
        seen_at = self._seen.get(account.business_id)
        if seen_at is not None and time.monotonic() - seen_at < RETRY_S:
            return None
        return next((p for p in await self.list(account) if p.id == product_id), None)

    async def refresh(self, account: Account) -> int:
        """Ask Tremendous anew; answers how many products can be offered. Raises RailError, and the
        old ones stay."""
        async with self._locks[account.business_id]:
            return await self._refresh(account)

    async def _refresh(self, account: Account) -> int:
        try:
            products = await self._fetch(account)
        except RailError as error:
            self._asked[account.business_id] = time.monotonic(), str(error)
            raise
        self._asked[account.business_id] = time.monotonic(), None
        rows = {product.id: to_row(product) for product in products}
        await self._products.replace(account.business_id, RAIL, rows)
        return len(rows)

    async def _fill(self, account: Account) -> Sequence[Mapping[str, Any]]:
        business_id = account.business_id
        async with self._locks[business_id]:
            asked_at, problem = self._asked.get(business_id, (None, None))
            if asked_at is None or time.monotonic() - asked_at > RETRY_S:
                await self._refresh(account)
            elif problem is not None:
                raise RailError(problem)
            return await self._products.list(business_id, RAIL)
