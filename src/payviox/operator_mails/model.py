"""What an operator wants to be told of by mail, and of what they were told."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Choices:
    """Causes as the catalogue of `reporting.attention` names them, told at once or, where it
    `is_daily`, once a day in this time zone; of test businesses, too, if `with_test`."""

    causes: AbstractSet[str]
    is_daily: bool
    with_test: bool
    zone: str


@dataclass(frozen=True, slots=True)
class Reader:
    """An operator who chose to be told something, and to which day they had their last digest."""

    operator_id: UUID
    email: str
    choices: Choices
    digest_on: date


@dataclass(frozen=True, slots=True)
class Subject:
    """A cause at a business, which is what an operator is told of."""

    business_id: UUID
    cause: str


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody was told of it; `id` names the mail's event."""

    id: UUID
    operator_id: UUID
    email: str
    subject: Subject
