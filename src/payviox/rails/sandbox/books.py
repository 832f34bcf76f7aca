"""What the sandbox must remember of the payments that it was asked for."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Payment:
    """What the books hold of a reference, and how old it is in seconds."""

    request: dict[str, Any]
    age_s: float


@dataclass(frozen=True, slots=True)
class KeptPayment(Payment):
    """A payment with its reference, as a statement lists it."""

    reference: str
    created_at: datetime


class Books(Protocol):
    """Where the sandbox keeps what it was asked for."""

    async def keep(self, business_id: UUID, reference: str, request: dict[str, Any]) -> Payment:
        """The first payment under this reference. Raises PermissionError for a live business."""
        ...

    async def find(self, business_id: UUID, reference: str) -> Payment | None: ...

    def list_since(
        self, business_id: UUID, since: datetime
    ) -> AsyncIterator[Sequence[KeptPayment]]:
        """Every payment kept since then, page by page."""
        ...
