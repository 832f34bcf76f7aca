"""What an operator wants to be told of by mail, and of what they were told."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import msgspec


@dataclass(frozen=True, slots=True)
class Choices:
    """Causes as the catalogue of `reporting.attention` names them, told at once or, where it
    `is_daily`, once a day in this time zone; of test businesses, too, if `with_test`."""

    causes: AbstractSet[str]
    is_daily: bool
    with_test: bool
    zone: str


class Reader(msgspec.Struct, frozen=True):
    """An operator who chose to be told something, and to which day they had their last digest."""

    operator_id: UUID
    email: str
    choices: Choices
    digest_on: date


class Subject(msgspec.Struct, frozen=True):
    """A cause at a business, which is what an operator is told of."""

    business_id: UUID
    cause: str


class Told(msgspec.Struct, frozen=True):
    """Somebody was told of it; `id` names the mail's event."""

    id: UUID
    operator_id: UUID
    email: str
    subject: Subject
