"""The words of the stock: products, cards as they are imported, and a card shown to its owner.
Prices are US cents; a face value is in hundredths of the card's own currency. Codes are hidden from
every repr."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

from payviox import ids
from payviox.rails.waiting import Waiting

OUT_OF_STOCK: Waiting = "out_of_stock"

HELD_AFTER_RESTORE: Waiting = "held_after_restore"
"""Orders wait until somebody has said which cards left since the backup."""

SHORTEST_LIFE_DAYS = 7
"""A card is delivered if it is good for so many days more: its owner needs the time to spend it."""

AlertLevel = Literal["low", "sold_out"]


@dataclass(frozen=True, slots=True)
class Product:
    """One kind of card as payout users see it. `available`: one could be delivered now."""

    id: UUID
    name: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int
    available: bool

    @property
    def shown_id(self) -> str:
        return ids.show(ids.PRODUCT, self.id)


class ProductKey(msgspec.Struct, frozen=True):
    """What makes two cards of one product. The same card at another price is another product."""

    name: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int


@dataclass(frozen=True, slots=True)
class CardRow:
    """A card as a file names it."""

    line: int
    product: ProductKey
    code: str = field(repr=False)
    pin: str | None = field(repr=False)
    expires_on: date | None


class BadLine(msgspec.Struct, frozen=True):
    """A line that is no card. The reason quotes nothing of the line: where columns are mixed up,
    any of them may hold the code."""

    line: int
    reason: str


class FileImport(msgspec.Struct, frozen=True):
    """A file of cards that was sent to a page, and what became of its lines so far."""

    id: UUID
    file_name: str
    kind: Literal["csv", "xlsx"]
    status: Literal["reading", "importing", "done", "refused", "cut off"]
    refused_why: str | None
    lines: int
    imported: int
    duplicates: int
    bad: int
    created_by: str
    created_at: datetime

    @property
    def seen(self) -> int:
        """Lines that were looked at."""
        return self.imported + self.duplicates + self.bad


@dataclass(frozen=True, slots=True)
class SealedCard:
    """A card as it is stored. `earlier_fingerprints` are those that previous secret keys, or an
    earlier rule of comparing codes, would have given it."""

    id: UUID
    product: ProductKey
    code: bytes = field(repr=False)
    pin: bytes | None = field(repr=False)
    key_id: str
    fingerprint: bytes
    earlier_fingerprints: tuple[bytes, ...]
    expires_on: date | None

    @property
    def fingerprints(self) -> tuple[bytes, ...]:
        """Every one that the same card may have in stock."""
        return (self.fingerprint, *self.earlier_fingerprints)


class BoundCard(msgspec.Struct, frozen=True):
    """A card that belongs to an order, without its code."""

    id: UUID
    product_id: UUID
    status: str
    brand: str
    country: str
    currency: str
    face_value: int

    @property
    def details(self) -> dict[str, str | int]:
        """What a webhook may say of it."""
        return {
            "brand": self.brand,
            "country": self.country,
            "currency": self.currency,
            "face_value": self.face_value,
        }


class DeliveredCard(msgspec.Struct, frozen=True):
    """A card that left the stock for an order, and its price in cents."""

    id: UUID
    reference: str
    price: int
    delivered_at: datetime


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A card's sealed code and what it is of."""

    business_id: UUID
    id: UUID
    code: bytes = field(repr=False)
    pin: bytes | None = field(repr=False)
    key_id: str
    expires_on: date | None
    brand: str
    country: str
    currency: str
    face_value: int


@dataclass(frozen=True, slots=True)
class RevealedCard:
    """A card with its code, for its owner's eyes."""

    brand: str
    country: str
    currency: str
    face_value: int
    code: str = field(repr=False)
    pin: str | None = field(repr=False)
    expires_on: date | None


class Reveal(msgspec.Struct, frozen=True):
    """When an order's card was shown to its owner; no id where the card was not of the stock."""

    gift_card_id: UUID | None
    created_at: datetime


class Alert(msgspec.Struct, frozen=True):
    """A product has become low or sold out: told once, until cards are imported again."""

    business_id: UUID
    product_id: UUID
    level: AlertLevel
    left: int


class Stock(msgspec.Struct, frozen=True):
    """How many cards of a product there are. `available` leaves out those that expire too soon to
    be delivered; `expired` counts them. `reserved` are bound to orders that have not ended."""

    business_id: UUID
    product_id: UUID
    name: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int
    available: int
    expired: int
    reserved: int
    delivered: int
    void: int
    low: bool


@dataclass(frozen=True, slots=True)
class HeldStock:
    """A business whose stock is held since a restore: how many cards may have left since the
    backup, and how many orders may have got one."""

    business_id: UUID
    name: str
    mode: str
    held_since: datetime
    cards: int
    orders: int


class DoubtfulCard(msgspec.Struct, frozen=True):
    """A card that nobody had got at the backup, without its code."""

    id: UUID
    status: str
    expires_on: date | None
    product: str
    brand: str
    country: str
    currency: str
    face_value: int
    price: int


class DoubtfulOrder(msgspec.Struct, frozen=True):
    """An order that had no card at the backup; its amount in cents."""

    id: UUID
    status: str
    amount: int
    created_at: datetime
